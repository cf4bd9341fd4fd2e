"""What a filter means, told a second time: evaluated in Python on one row."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any

from spanloom_query.filters.tree import (
    And,
    Arithmetic,
    Between,
    Boolean,
    Call,
    Comparison,
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
from tests.unit.filters.example import Row

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda left, right: left - right * math.trunc(left / right),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "contains": lambda text, part: part in text,
    "ends_with": str.endswith,
    "icontains": lambda text, part: part.lower() in text.lower(),
    "length": len,
    "lower": str.lower,
    "regex": lambda text, pattern: re.search(pattern, text, re.DOTALL) is not None,
    "round": lambda number: float(round(number)),
    "starts_with": str.startswith,
    "upper": str.upper,
}
NUMERIC = ("tokens", "score", "doubled")


def evaluate(node: Node, row: Row, wanted: type = bool) -> Any:
    """The value of a node on one row, None for unknown."""
    match node:
        case Text() | Number() | Boolean():
            return _literal(node, wanted)
        case Name():
            return _field(node, row, wanted)
        case Negate():
            value = evaluate(node.operand, row, float)
            return None if value is None else -float(value)
        case Arithmetic():
            return _arithmetic(node, row)
        case Call():
            return _call(node, row)
        case And() | Or():
            return _joined(node, row)
        case Not():
            return _negated(evaluate(node.operand, row))
        case Null():
            raise AssertionError("null stands behind IS alone")
        case _:
            return _predicate(node, row)


def _literal(node: Text | Number | Boolean, wanted: type) -> Any:
    if wanted is not int or not isinstance(node, Text):
        return node.value
    return int(datetime.fromisoformat(node.value).timestamp()) * 10**9


def _field(node: Name, row: Row, wanted: type) -> Any:
    match node.parts:
        case ("attributes", *key):
            return _attribute(row, ".".join(key), wanted)
        case ("doubled",):
            return None if row.tokens is None else row.tokens * 2
        case ("is_long",):
            return len(row.name.encode()) > 4
        case ("start_time",):
            return row.started_ns
        case ("output", "label"):
            return re.sub("[a-z]", lambda letter: letter[0].upper(), row.name)
        case (name,):
            return getattr(row, name)
    raise AssertionError(node)


def _attribute(row: Row, key: str, wanted: type) -> Any:
    if wanted is str:
        return row.attr_str.get(key)
    if wanted is bool:
        return row.attr_bool.get(key)
    return row.attr_int.get(key, row.attr_float.get(key))


def _type(*nodes: Node) -> type:
    """The type in which nodes meet; `int` stands for a time in nanoseconds."""
    found = {kind for node in nodes if (kind := _own_type(node)) is not None}
    return int if int in found else found.pop()


def _own_type(node: Node) -> type | None:
    match node:
        case Name(parts=("attributes", *_)):
            return None
        case Name(parts=("start_time",)):
            return int
        case Name(parts=(name,)) if name in ("correct", "is_long"):
            return bool
        case Text() | Name() if isinstance(node, Text) or node.parts[0] not in NUMERIC:
            return str
        case Call(function="lower" | "upper"):
            return str
        case (
            Number() | Negate() | Arithmetic() | Name() | Call(function="abs" | "length" | "round")
        ):
            return float
        case _:
            return bool


def _arithmetic(node: Arithmetic, row: Row) -> float | None:
    left, right = evaluate(node.left, row, float), evaluate(node.right, row, float)
    if left is None or right is None or (node.operator in "/%" and right == 0):
        return None
    return float(OPERATORS[node.operator](float(left), float(right)))


def _call(node: Call, row: Row) -> Any:
    if node.function == "is_null":
        return _is_missing(node.arguments[0], row)
    wanted = float if node.function in ("abs", "round") else str
    values = [evaluate(argument, row, wanted) for argument in node.arguments]
    return None if None in values else FUNCTIONS[node.function](*values)


def _joined(node: And | Or, row: Row) -> bool | None:
    values = [evaluate(operand, row) for operand in node.operands]
    decisive = isinstance(node, Or)
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _predicate(node: Comparison | Between | In | Like | Matches | Is, row: Row) -> bool | None:
    match node:
        case Comparison():
            kind = _type(node.left, node.right)
            left, right = evaluate(node.left, row, kind), evaluate(node.right, row, kind)
            return _if_known(OPERATORS[node.operator], left, right)
        case Is():
            return _is(node, row)
        case Between():
            kind = _type(node.operand, node.low, node.high)
            value, low, high = (
                evaluate(part, row, kind) for part in (node.operand, node.low, node.high)
            )
            ends = [_if_known(operator.le, low, value), _if_known(operator.le, value, high)]
            inside = False if False in ends else (None if None in ends else True)
            return _negated(inside) if node.negated else inside
        case _:
            value = _found(node, row)
            return _negated(value) if node.negated else value


def _if_known(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool | None:
    return None if left is None or right is None else compare(left, right)


def _found(node: In | Like | Matches, row: Row) -> bool | None:
    kind = _type(node.operand, node.values[0]) if isinstance(node, In) else str
    value = evaluate(node.operand, row, kind)
    if value is None:
        return None
    match node:
        case In():
            return value in [member.value for member in node.values]  # type: ignore[union-attr]
        case Like():
            case = re.IGNORECASE if node.ignores_case else 0
            pattern = _like_regex(node.pattern.value)
            return re.fullmatch(pattern, value, re.DOTALL | case) is not None
        case Matches():
            return re.search(node.pattern.value, value, re.DOTALL) is not None


def _like_regex(pattern: str) -> str:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    return "".join(signs.get(part) or re.escape(part[-1]) for part in parts)


def _is(node: Is, row: Row) -> bool:
    if node.state is State.NULL:
        return _is_missing(node.operand, row) is not node.negated
    wanted = node.state is State.TRUE
    return (evaluate(node.operand, row) is wanted) is not node.negated


def _is_missing(node: Node, row: Row) -> bool:
    if isinstance(node, Name) and node.parts[0] == "attributes":
        key = ".".join(node.parts[1:])
        maps = [getattr(row, field.name) for field in fields(row) if field.name[:5] == "attr_"]
        return not any(key in values for values in maps)
    return evaluate(node, row, _own_type(node) or bool) is None
