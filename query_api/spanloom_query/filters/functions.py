"""The functions a filter may call, as data."""

from dataclasses import dataclass

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.fields import Type, nearest_names
from spanloom_query.filters.tree import Call, Is, Matches, Node, State, Text


@dataclass(frozen=True)
class Function:
    """A function of the language and its ClickHouse SQL.

    Attributes:
        parameters: Types of the arguments, in their order.
        template: SQL with `{0}`, `{1}` for the arguments' SQL.
        description: One sentence for the reader of a list of functions.
    """

    name: str
    parameters: tuple[Type, ...]
    result: Type
    template: str
    description: str


_TEXT, _NUMBER, _BOOLEAN = Type.TEXT, Type.NUMBER, Type.BOOLEAN

FUNCTIONS = {
    function.name: function
    for function in (
        Function("abs", (_NUMBER,), _NUMBER, "abs(toFloat64({0}))", "The number without its sign."),
        Function(
            "contains",
            (_TEXT, _TEXT),
            _BOOLEAN,
            "(position({0}, {1}) > 0)",
            "Whether the first text holds the second.",
        ),
        Function(
            "ends_with",
            (_TEXT, _TEXT),
            _BOOLEAN,
            "endsWith({0}, {1})",
            "Whether the first text ends with the second.",
        ),
        Function(
            "icontains",
            (_TEXT, _TEXT),
            _BOOLEAN,
            "(positionCaseInsensitiveUTF8({0}, {1}) > 0)",
            "Whether the first text holds the second, capitals or not.",
        ),
        Function(
            "length", (_TEXT,), _NUMBER, "lengthUTF8({0})", "How many characters the text has."
        ),
        Function("lower", (_TEXT,), _TEXT, "lowerUTF8({0})", "The text in small letters."),
        Function(
            "round",
            (_NUMBER,),
            _NUMBER,
            "round(toFloat64({0}))",
            "The nearest whole number, halves to the even one.",
        ),
        Function(
            "starts_with",
            (_TEXT, _TEXT),
            _BOOLEAN,
            "startsWith({0}, {1})",
            "Whether the first text starts with the second.",
        ),
        Function("upper", (_TEXT,), _TEXT, "upperUTF8({0})", "The text in capitals."),
    )
}
"""By name."""

_REGEX, _IS_NULL = "regex", "is_null"
FUNCTION_NAMES = (*sorted(FUNCTIONS), _IS_NULL, _REGEX)


def find_function(call: Call) -> Function:
    """Find what a call calls, and check how many arguments it has.

    Raises:
        FilterError: No such function (with the nearest names), or too many or few arguments.
    """
    function = FUNCTIONS.get(call.function)
    if function is None:
        raise _unknown(call)
    _check_argument_count(call, len(function.parameters))
    return function


def spelled_out(call: Call) -> Node:
    """`regex(x, 'p')` and `is_null(x)` are other ways to write `x ~ 'p'` and `x IS NULL`."""
    if call.function == _IS_NULL:
        _check_argument_count(call, 1)
        return Is(call.arguments[0], State.NULL, span=call.span)
    if call.function == _REGEX:
        _check_argument_count(call, 2)
        operand, pattern = call.arguments
        if not isinstance(pattern, Text):
            raise FilterError("A pattern is a text in single quotes.", pattern.span)
        return Matches(operand, pattern, span=call.span)
    return call


def _check_argument_count(call: Call, wanted_count: int) -> None:
    count = len(call.arguments)
    if count != wanted_count:
        noun = "argument" if wanted_count == 1 else "arguments"
        message = f"{call.function} takes {wanted_count} {noun}, not {count}."
        raise FilterError(message, call.span)


def _unknown(call: Call) -> FilterError:
    suggestions = nearest_names(call.function, FUNCTION_NAMES)
    remedy = f"Did you mean {' or '.join(suggestions)}?" if suggestions else ""
    known = remedy or f"There are {', '.join(FUNCTION_NAMES)}."
    return FilterError(f"There is no function {call.function}. {known}", call.span, suggestions)
