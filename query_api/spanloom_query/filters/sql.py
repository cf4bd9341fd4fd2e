"""A filter as a condition of ClickHouse, all that its writer chose bound as parameters.

Unknown stays unknown, as SQL has it: a comparison with NULL is NULL, so is NOT of it, and a row
whose condition is NULL is not shown. `IS [NOT] NULL|TRUE|FALSE` is never NULL. Arithmetic runs in
Float64; dividing by zero gives NULL.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.fields import Catalogue, Field, Type
from spanloom_query.filters.formatting import format_filter
from spanloom_query.filters.functions import find_function, spelled_out
from spanloom_query.filters.patterns import check_like_pattern, check_regex
from spanloom_query.filters.tokens import quoted_text
from spanloom_query.filters.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
    Between,
    Boolean,
    Call,
    Comparison,
    ComparisonOperator,
    In,
    Is,
    Like,
    Matches,
    Name,
    Negate,
    Node,
    Not,
    Null,
    Number,
    Or,
    State,
    Text,
)
from spanloom_query.filters.values import BoundType, bound_list, bound_number, unix_nanoseconds

_PHRASES = {
    Type.TEXT: "a text",
    Type.NUMBER: "a number",
    Type.BOOLEAN: "true or false",
    Type.TIME: "a time",
}
_EQUALITIES = (ComparisonOperator.EQUAL, ComparisonOperator.NOT_EQUAL)
_DIVISIONS = (ArithmeticOperator.DIVIDE, ArithmeticOperator.REMAINDER)
_QUOTE_LENGTH = 40


@dataclass(frozen=True)
class Condition:
    """A boolean expression of ClickHouse and the values of its parameters."""

    sql: str
    parameters: dict[str, Any]


def compile_filter(node: Node, catalogue: Catalogue, prefix: str = "f") -> Condition:
    """Compile a filter to a condition for WHERE or HAVING.

    Args:
        node: What `parse` gave.
        catalogue: What the filter may name.
        prefix: Parameters are called `f0`, `f1`, …; take another prefix for a second filter in
            the same query.

    Raises:
        FilterError: Unknown names, types which do not meet, patterns which are none.

    Example:
        >>> catalogue = Catalogue((Field("score", Type.NUMBER, "Score.", "scores.value"),))
        >>> compile_filter(parse("score > 0.5"), catalogue)
        Condition(sql='(scores.value > {f0:Float64})', parameters={'f0': 0.5})
    """
    if not re.fullmatch(r"[a-z_]+", prefix):
        raise ValueError(f"not a prefix of parameters: {prefix!r}")
    compiler = _Compiler(catalogue, prefix)
    sql = compiler.sql(node, Type.BOOLEAN)
    return Condition(sql, compiler.parameters)


class _Compiler:
    def __init__(self, catalogue: Catalogue, prefix: str) -> None:
        self._catalogue = catalogue
        self._prefix = prefix
        self.parameters: dict[str, Any] = {}

    def sql(self, node: Node, wanted: Type) -> str:
        """The SQL of a node where a value of one type is wanted."""
        found = self._type(node)
        if found is not None and not _fits(node, found, wanted):
            message = f"{_quote(node)} is {_PHRASES[found]}; {_PHRASES[wanted]} is wanted here."
            raise FilterError(f"{message} {_remedy(node, wanted)}".rstrip(), node.span)
        match node:
            case Text() | Number() | Boolean() | Null():
                return self._literal(node, wanted)
            case Name():
                return self._name(node, wanted)
            case Negate() | Arithmetic():
                return self._computed(node)
            case Call():
                return self._call(node)
            case Not() | And() | Or():
                return self._joined(node)
            case _:
                return self._predicate(node)

    def _type(self, node: Node) -> Type | None:
        """What a node yields; None for a family's key, which is of any type."""
        match node:
            case Text():
                return Type.TEXT
            case Number() | Negate() | Arithmetic():
                return Type.NUMBER
            case Null():
                raise FilterError("null equals nothing; write: x IS NULL.", node.span)
            case Name():
                entry = self._catalogue.find(node)
                return entry.type if isinstance(entry, Field) else None
            case Call():
                meant = spelled_out(node)
                return find_function(meant).result if isinstance(meant, Call) else Type.BOOLEAN
            case _:
                return Type.BOOLEAN

    def _common_type(self, nodes: Sequence[Node]) -> Type:
        """The type in which nodes meet. A field decides over a value that is written out."""
        typed = [(node, found) for node in nodes if (found := self._type(node)) is not None]
        if not typed:
            message = f"{_quote(nodes[0])} has no type of its own; compare it with a value."
            raise FilterError(message, nodes[0].span)
        fields = [pair for pair in typed if not isinstance(pair[0], Text | Number | Boolean)]
        judge, wanted = (fields or typed)[0]
        for node, found in typed:
            if not _fits(node, found, wanted):
                message = f"{_quote(judge)} is {_PHRASES[wanted]}, {_quote(node)} is "
                remedy = _remedy(node, wanted)
                raise FilterError(f"{message}{_PHRASES[found]}. {remedy}".rstrip(), node.span)
        return wanted

    def _literal(self, node: Text | Number | Boolean | Null, wanted: Type) -> str:
        match node:
            case Text() if wanted is Type.TIME:
                nanoseconds = self._bind(BoundType(unix_nanoseconds(node), "Int64"))
                return f"fromUnixTimestamp64Nano({nanoseconds}, 'UTC')"
            case Text():
                return self._bind(BoundType(node.value, "String"))
            case Number():
                return self._bind(bound_number(node.value))
            case Boolean():
                return self._bind(BoundType(node.value, "Bool"))
            case Null():
                raise AssertionError("null has no type, which was asked for before")

    def _name(self, node: Name, wanted: Type) -> str:
        entry = self._catalogue.find(node)
        if isinstance(entry, Field):
            return entry.expression if entry.expression.isidentifier() else f"({entry.expression})"
        if wanted not in entry.family.types:
            message = f"{entry.family.name} are never {_PHRASES[wanted]}."
            raise FilterError(message, node.span)
        return f"({entry.family.expression(self._bind(BoundType(entry.key, 'String')), wanted)})"

    def _computed(self, node: Negate | Arithmetic) -> str:
        if isinstance(node, Negate):
            return f"(-toFloat64({self.sql(node.operand, Type.NUMBER)}))"
        left = f"toFloat64({self.sql(node.left, Type.NUMBER)})"
        right = f"toFloat64({self.sql(node.right, Type.NUMBER)})"
        if node.operator in _DIVISIONS:
            right = f"nullIf({right}, 0)"
        return f"({left} {node.operator} {right})"

    def _call(self, node: Call) -> str:
        meant = spelled_out(node)
        if not isinstance(meant, Call):
            return self.sql(meant, Type.BOOLEAN)
        function = find_function(meant)
        pairs = zip(meant.arguments, function.parameters, strict=True)
        return function.template.format(*(self.sql(argument, type_) for argument, type_ in pairs))

    def _joined(self, node: Not | And | Or) -> str:
        if isinstance(node, Not):
            return f"(NOT {self.sql(node.operand, Type.BOOLEAN)})"
        word = " AND " if isinstance(node, And) else " OR "
        return f"({word.join(self.sql(operand, Type.BOOLEAN) for operand in node.operands)})"

    def _predicate(self, node: Comparison | Between | In | Like | Matches | Is) -> str:
        match node:
            case Comparison():
                return self._comparison(node)
            case Between():
                return self._between(node)
            case In():
                return self._in(node)
            case Like() | Matches():
                return self._pattern(node)
            case Is():
                return self._is(node)

    def _comparison(self, node: Comparison) -> str:
        wanted = self._common_type((node.left, node.right))
        if wanted is Type.BOOLEAN and node.operator not in _EQUALITIES:
            raise FilterError("true and false are only equal or unequal.", node.span)
        return f"({self.sql(node.left, wanted)} {node.operator} {self.sql(node.right, wanted)})"

    def _between(self, node: Between) -> str:
        wanted = self._common_type((node.operand, node.low, node.high))
        if wanted is Type.BOOLEAN:
            raise FilterError("true and false are only equal or unequal.", node.span)
        operand, low, high = (
            self.sql(part, wanted) for part in (node.operand, node.low, node.high)
        )
        return f"({operand} {_not(node.negated)}BETWEEN {low} AND {high})"

    def _in(self, node: In) -> str:
        bound = bound_list(node.values)
        wanted = self._common_type((node.operand, node.values[0]))
        if wanted is Type.TIME:
            raise FilterError("A time is compared, or BETWEEN two others.", node.span)
        operand = self.sql(node.operand, wanted)
        found = f"({operand} IN {self._bind(bound)})"
        if wanted is Type.NUMBER and 0 in bound.value:
            # ClickHouse looks members up by their bits, and -0.0 has other bits than 0.
            found = f"({found} OR {operand} = 0)"
        return f"(NOT {found})" if node.negated else found

    def _pattern(self, node: Like | Matches) -> str:
        operand = self.sql(node.operand, Type.TEXT)
        if isinstance(node, Matches):
            check_regex(node.pattern)
            pattern = self._bind(BoundType(node.pattern.value, "String"))
            return f"({_not(node.negated)}match({operand}, {pattern}))"
        check_like_pattern(node.pattern)
        pattern = self._bind(BoundType(node.pattern.value, "String"))
        word = "ILIKE" if node.ignores_case else "LIKE"
        return f"({operand} {_not(node.negated)}{word} {pattern})"

    def _is(self, node: Is) -> str:
        if node.state is State.NULL:
            return f"({_not(node.negated)}{self._is_null(node.operand)})"
        operand = self.sql(node.operand, Type.BOOLEAN)
        test = operand if node.state is State.TRUE else f"NOT {operand}"
        return f"({_not(node.negated)}ifNull({test}, false))"

    def _is_null(self, operand: Node) -> str:
        found = self._type(operand)
        if found is not None:
            return f"isNull({self.sql(operand, found)})"
        assert isinstance(operand, Name)
        member = self._catalogue.find(operand)
        assert not isinstance(member, Field)
        return f"(NOT ({member.family.presence(self._bind(BoundType(member.key, 'String')))}))"

    def _bind(self, bound: BoundType) -> str:
        name = f"{self._prefix}{len(self.parameters)}"
        self.parameters[name] = bound.value
        return f"{{{name}:{bound.type}}}"


def _not(negated: bool) -> str:
    return "NOT " if negated else ""


def _fits(node: Node, found: Type, wanted: Type) -> bool:
    return found is wanted or (wanted is Type.TIME and isinstance(node, Text))


def _quote(node: Node) -> str:
    text = format_filter(node)
    return text if len(text) <= _QUOTE_LENGTH else f"{text[: _QUOTE_LENGTH - 1]}…"


def _remedy(node: Node, wanted: Type) -> str:
    """How to mend a value which was written as another type than is wanted."""
    match node, wanted:
        case Text(), Type.NUMBER if re.fullmatch(r"-?[0-9.]+", node.value):
            return f"Leave out the quotes: {node.value}."
        case Text(), Type.BOOLEAN if node.value.lower() in ("true", "false"):
            return f"Leave out the quotes: {node.value.lower()}."
        case Number(value=0 | 1), Type.BOOLEAN:
            return f"Write {'true' if node.value else 'false'}."
        case ((Number() | Boolean()), Type.TEXT):
            return f"Write it in single quotes: {quoted_text(format_filter(node))}."
        case _:
            return ""
