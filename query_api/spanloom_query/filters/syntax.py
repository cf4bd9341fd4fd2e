"""The grammar of filters: text to tree by recursive descent.

"correct" = false AND "confidence" > 0.8
status = 'error' OR duration_ms BETWEEN 1e3 AND 5e3
attributes."user.id" IN ('ann', 'bob') AND NOT lower(name) LIKE 'chat%'

or          and { OR and }
and         not { AND not }
not         NOT not | predicate
predicate   sum [ = == != <> < <= > >= sum | [NOT] BETWEEN sum AND sum | [NOT] IN (literal, …)
            | [NOT] LIKE text | [NOT] ILIKE text | ~ text | !~ text | IS [NOT] NULL TRUE FALSE ]
sum         product { + - product }
product     sign { * / % sign }
sign        - sign | number | text | true | false | null | name | function(or, …) | ( or )
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spanloom_query.filters.errors import FilterError, Span
from spanloom_query.filters.tokens import (
    Kind,
    Token,
    name_parts,
    text_value,
    tokens,
)
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
    Literal,
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
    walk,
)

MAX_LENGTH_BYTES = 4096
MAX_TOKENS = 600
"""Without the members of IN lists, which have a bound of their own."""
MAX_DEPTH = 32
MAX_LIST_LENGTH = 1000

_COMPARISONS = {
    "==": ComparisonOperator.EQUAL,
    "<>": ComparisonOperator.NOT_EQUAL,
    **{operator.value: operator for operator in ComparisonOperator},
}
_SUMS = {sign: ArithmeticOperator(sign) for sign in "+-"}
_PRODUCTS = {sign: ArithmeticOperator(sign) for sign in "*/%"}
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


def parse(text: str) -> Node:
    """Read a filter.

    Args:
        text: One condition, at most 4096 bytes of UTF-8.

    Returns:
        The tree, whose nodes know where in the text they stand.

    Raises:
        FilterError: The text is no filter, or beyond a bound; tells where and why.

    Example:
        >>> parse("score > 0.5")
        Comparison(operator=<ComparisonOperator.GREATER: '>'>, left=Name(parts=('score',)), \
right=Number(value=0.5))
    """
    _check_length(text)
    parser = _Parser(tokens(text))
    node = parser.whole()
    for part, depth in walk(node):
        if depth > MAX_DEPTH:
            raise _too_deep(part.span)
    return node


def _check_length(text: str) -> None:
    try:
        length_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        span = Span(error.start, error.end - error.start)
        raise FilterError("This is half a character; it stands for nothing.", span) from error
    if length_bytes > MAX_LENGTH_BYTES:
        message = f"The filter has {length_bytes} bytes; {MAX_LENGTH_BYTES} are allowed."
        raise FilterError(message, Span(0, len(text)))


def _too_deep(span: Span) -> FilterError:
    return FilterError(f"The filter is nested deeper than {MAX_DEPTH} levels.", span)


class _Parser:
    """One reading of one filter; a method for each rule of the grammar."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._position = 0
        self._depth = 0
        self._listed_count = 0

    def whole(self) -> Node:
        node = self._or()
        if self._next.kind is not Kind.END:
            raise self._unexpected("AND, OR or the end")
        if self._position - self._listed_count > MAX_TOKENS:
            span = Span(0, self._next.span.position)
            raise FilterError(f"The filter has more than {MAX_TOKENS} words and signs.", span)
        return node

    def _or(self) -> Node:
        return self._joined("OR", self._and, Or)

    def _and(self) -> Node:
        return self._joined("AND", self._not, And)

    def _joined(self, word: str, rule: Callable[[], Node], join: type[And] | type[Or]) -> Node:
        start = self._next.span
        operands = [rule()]
        while self._take(word):
            operands.append(rule())
        return operands[0] if len(operands) == 1 else join(tuple(operands), span=self._from(start))

    def _not(self) -> Node:
        start = self._next.span
        if not self._take("NOT"):
            return self._predicate()
        with self._deeper(start):
            operand = self._not()
        return Not(operand, span=self._from(start))

    def _predicate(self) -> Node:
        start = self._next.span
        operand = self._sum()
        sign = self._next.source
        if self._next.kind is Kind.SIGN and sign in _COMPARISONS:
            self._advance()
            right = self._sum()
            return Comparison(_COMPARISONS[sign], operand, right, span=self._from(start))
        if self._take("IS"):
            negated = self._take("NOT")
            return Is(operand, self._state(), negated, span=self._from(start))
        if sign in ("~", "!~") and self._take(sign):
            return Matches(operand, self._pattern(), sign == "!~", span=self._from(start))
        negated = self._take("NOT")
        found = self._word_predicate(operand, negated, start)
        if found is None and negated:
            raise self._unexpected("IN, LIKE, ILIKE or BETWEEN")
        return found or operand

    def _word_predicate(self, operand: Node, negated: bool, start: Span) -> Node | None:
        if self._take("BETWEEN"):
            low = self._sum()
            self._require("AND")
            high = self._sum()
            return Between(operand, low, high, negated, span=self._from(start))
        if self._take("IN"):
            return In(operand, self._list(), negated, span=self._from(start))
        for word in ("LIKE", "ILIKE"):
            if self._take(word):
                pattern = self._pattern()
                return Like(operand, pattern, word == "ILIKE", negated, span=self._from(start))
        return None

    def _state(self) -> State:
        for state in State:
            if self._take(state.value):
                return state
        raise self._unexpected("NULL, TRUE or FALSE")

    def _pattern(self) -> Text:
        if self._next.kind is not Kind.TEXT:
            raise self._unexpected("a pattern in single quotes")
        word = self._advance()
        return Text(text_value(word.source), span=word.span)

    def _list(self) -> tuple[Literal, ...]:
        self._require("(")
        start = self._position
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        self._listed_count += self._position - start
        self._require(")")
        if len(values) > MAX_LIST_LENGTH:
            message = f"The list has {len(values)} members; {MAX_LIST_LENGTH} are allowed."
            raise FilterError(message, self._from(self._words[start].span))
        return tuple(values)

    def _literal(self) -> Literal:
        start = self._next.span
        if self._take("-"):
            if self._next.kind is not Kind.NUMBER:
                raise self._unexpected("a number")
            return self._number(start, negative=True)
        value = self._written_value()
        if value is None:
            raise self._unexpected("a number, a text in single quotes, true or false")
        return value

    def _sum(self) -> Node:
        return self._chain(_SUMS, self._product)

    def _product(self) -> Node:
        return self._chain(_PRODUCTS, self._sign)

    def _chain(self, operators: dict[str, ArithmeticOperator], rule: Callable[[], Node]) -> Node:
        start = self._next.span
        node = rule()
        while self._next.kind is Kind.SIGN and self._next.source in operators:
            operator = operators[self._advance().source]
            node = Arithmetic(operator, node, rule(), span=self._from(start))
        return node

    def _sign(self) -> Node:
        start = self._next.span
        if not self._take("-"):
            return self._operand()
        if self._next.kind is Kind.NUMBER:
            return self._number(start, negative=True)
        with self._deeper(start):
            operand = self._sign()
        return Negate(operand, span=self._from(start))

    def _operand(self) -> Node:
        start = self._next.span
        value = self._written_value()
        if value is not None:
            return value
        if self._next.kind is Kind.NAME:
            return self._name_or_call()
        if not self._take("("):
            raise self._unexpected("a field, a value or an opening parenthesis")
        with self._deeper(start):
            node = self._or()
        self._require(")")
        return node

    def _written_value(self) -> Literal | None:
        word = self._next
        if word.kind is Kind.NUMBER:
            return self._number(word.span, negative=False)
        if word.kind is Kind.TEXT:
            self._advance()
            return Text(text_value(word.source), span=word.span)
        if self._take("NULL"):
            return Null(span=word.span)
        if self._take("TRUE") or self._take("FALSE"):
            return Boolean(word.source == "TRUE", span=word.span)
        return None

    def _number(self, start: Span, *, negative: bool) -> Number:
        word = self._advance()
        sign = "-" if negative else ""
        span = self._from(start)
        value = int(sign + word.source) if word.source.isdigit() else float(sign + word.source)
        if isinstance(value, int) and not _MIN_INTEGER <= value <= _MAX_INTEGER:
            raise FilterError("This number needs more than 64 bits; write it as 1e20.", span)
        if not math.isfinite(value):
            raise FilterError("This number is too large.", span)
        return Number(value, span=span)

    def _name_or_call(self) -> Node:
        word = self._advance()
        parts = name_parts(word.source)
        if "" in parts:
            raise FilterError("A name needs at least one character.", word.span)
        is_call = self._next.kind is Kind.SIGN and self._next.source == "("
        if not is_call:
            return Name(parts, quoted='"' in word.source, span=word.span)
        if len(parts) != 1 or '"' in word.source:
            raise FilterError("A function's name stands without quotes and dots.", word.span)
        with self._deeper(word.span):
            arguments = self._arguments()
        return Call(parts[0].lower(), arguments, span=self._from(word.span))

    def _arguments(self) -> tuple[Node, ...]:
        self._require("(")
        if self._take(")"):
            return ()
        arguments = [self._or()]
        while self._take(","):
            arguments.append(self._or())
        self._require(")")
        return tuple(arguments)

    @property
    def _next(self) -> Token:
        return self._words[self._position]

    def _advance(self) -> Token:
        word = self._next
        self._position += 1
        return word

    def _take(self, source: str) -> bool:
        """Step over a keyword or sign if it is the next word."""
        word = self._next
        if word.kind in (Kind.KEYWORD, Kind.SIGN) and word.source == source:
            self._position += 1
            return True
        return False

    def _require(self, source: str) -> None:
        if not self._take(source):
            raise self._unexpected(source)

    def _from(self, start: Span) -> Span:
        """From the start of one word to the end of the last one taken."""
        last = self._words[self._position - 1].span
        return Span(start.position, last.position + last.length - start.position)

    @contextmanager
    def _deeper(self, span: Span) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(span)
        yield
        self._depth -= 1

    def _unexpected(self, expected: str) -> FilterError:
        word = self._next
        if word.kind is Kind.END:
            return FilterError(f"The filter ends too early; {expected} should follow.", word.span)
        return FilterError(f"{word.source} cannot stand here; expected {expected}.", word.span)
