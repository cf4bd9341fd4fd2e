"""Writing a tree as the text it stands for."""

from enum import IntEnum

from spanloom_query.filters.tokens import quoted_name, quoted_text
from spanloom_query.filters.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
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
    Predicate,
    Text,
    Value,
)

_VALUES = Text | Number | Boolean | Null | Name | Negate | Arithmetic | Call


class _Tightness(IntEnum):
    """How tightly a kind of node binds; a looser one inside a tighter one needs parentheses."""

    OR = 1
    AND = 2
    NOT = 3
    PREDICATE = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    OPERAND = 8


def format_filter(node: Node) -> str:
    """Write a tree as text, so that `parse` of the text gives an equal tree.

    Example:
        >>> from spanloom_query.filters.syntax import parse
        >>> format_filter(parse('("correct"==false)   and confidence>.8'))
        'correct = false AND confidence > 0.8'
    """
    return _value_text(node) if isinstance(node, _VALUES) else _predicate_text(node)


def _within(node: Node, least: _Tightness) -> str:
    text = format_filter(node)
    return text if _tightness(node) >= least else f"({text})"


def _value_text(node: Value) -> str:
    match node:
        case Text():
            return quoted_text(node.value)
        case Number():
            return repr(node.value)
        case Boolean():
            return "true" if node.value else "false"
        case Null():
            return "null"
        case Name():
            return quoted_name(node.parts)
        case Negate():
            # A sign in front of a number is part of the number, and two signs open a comment.
            if isinstance(node.operand, Number):
                return f"-({format_filter(node.operand)})"
            return f"-{_within(node.operand, _Tightness.OPERAND)}"
        case Arithmetic():
            own = _tightness(node)
            left, right = _within(node.left, own), _within(node.right, _Tightness(own + 1))
            return f"{left} {node.operator} {right}"
        case Call():
            arguments = ", ".join(format_filter(argument) for argument in node.arguments)
            return f"{node.function}({arguments})"


def _predicate_text(node: Predicate) -> str:
    match node:
        case Or():
            return " OR ".join(_within(operand, _Tightness.AND) for operand in node.operands)
        case And():
            return " AND ".join(_within(operand, _Tightness.NOT) for operand in node.operands)
        case Not():
            return f"NOT {_within(node.operand, _Tightness.NOT)}"
        case Comparison():
            left, right = (_within(side, _Tightness.SUM) for side in (node.left, node.right))
            return f"{left} {node.operator} {right}"
        case _:
            return f"{_within(node.operand, _Tightness.SUM)} {_test_text(node)}"


def _test_text(node: Between | In | Like | Matches | Is) -> str:
    word = "NOT " if node.negated else ""
    match node:
        case Between():
            low, high = (_within(end, _Tightness.SUM) for end in (node.low, node.high))
            return f"{word}BETWEEN {low} AND {high}"
        case In():
            return f"{word}IN ({', '.join(format_filter(value) for value in node.values)})"
        case Like():
            return f"{word}{'ILIKE' if node.ignores_case else 'LIKE'} {format_filter(node.pattern)}"
        case Matches():
            return f"{'!~' if node.negated else '~'} {format_filter(node.pattern)}"
        case Is():
            return f"IS {word}{node.state}"


def _tightness(node: Node) -> _Tightness:
    match node:
        case Or():
            return _Tightness.OR
        case And():
            return _Tightness.AND
        case Not():
            return _Tightness.NOT
        case Arithmetic(operator=ArithmeticOperator.ADD | ArithmeticOperator.SUBTRACT):
            return _Tightness.SUM
        case Arithmetic():
            return _Tightness.PRODUCT
        case Negate():
            return _Tightness.SIGN
        case Number() if node.value < 0:
            return _Tightness.SIGN
        case Text() | Number() | Boolean() | Null() | Name() | Call():
            return _Tightness.OPERAND
        case _:
            return _Tightness.PREDICATE
