"""A filter as a tree of typed values. Two trees are equal when they mean the same text.

Node
├── Text, Number, Boolean, Null     what is written out
├── Name                            a field: `status`, `attributes."user.id"`
├── Negate, Arithmetic, Call        computed values
├── Comparison, Between, In, Like, Matches, Is
└── Not, And, Or
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from spanloom_query.filters.errors import Span


class ArithmeticOperator(StrEnum):
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"


class ComparisonOperator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class State(StrEnum):
    """What `IS` asks; the answer is never unknown."""

    NULL = "NULL"
    TRUE = "TRUE"
    FALSE = "FALSE"


@dataclass(frozen=True)
class Located:
    """Where in the text a node stands; no part of what it means."""

    span: Span = field(default=Span(0, 0), compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Text(Located):
    value: str


@dataclass(frozen=True)
class Number(Located):
    value: int | float


@dataclass(frozen=True)
class Boolean(Located):
    value: bool


@dataclass(frozen=True)
class Null(Located):
    pass


@dataclass(frozen=True)
class Name(Located):
    """A field's name, its parts as written between the dots.

    Attributes:
        quoted: Any part stood in double quotes, as SQL's names and other languages' text do.
    """

    parts: tuple[str, ...]
    quoted: bool = field(default=False, compare=False, repr=False, kw_only=True)

    @property
    def dotted(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Negate(Located):
    operand: "Node"


@dataclass(frozen=True)
class Arithmetic(Located):
    operator: ArithmeticOperator
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Call(Located):
    """A function's call; the name is in lower case."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Comparison(Located):
    operator: ComparisonOperator
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Between(Located):
    """Both ends included."""

    operand: "Node"
    low: "Node"
    high: "Node"
    negated: bool = False


@dataclass(frozen=True)
class In(Located):
    operand: "Node"
    values: tuple["Literal", ...]
    negated: bool = False


@dataclass(frozen=True)
class Like(Located):
    """`%` any characters, `_` one; a backslash before either takes it literally."""

    operand: "Node"
    pattern: Text
    ignores_case: bool = False
    negated: bool = False


@dataclass(frozen=True)
class Matches(Located):
    """A regular expression (RE2's syntax) found anywhere in the operand."""

    operand: "Node"
    pattern: Text
    negated: bool = False


@dataclass(frozen=True)
class Is(Located):
    operand: "Node"
    state: State
    negated: bool = False


@dataclass(frozen=True)
class Not(Located):
    operand: "Node"


@dataclass(frozen=True)
class And(Located):
    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Or(Located):
    operands: tuple["Node", ...]


Literal = Text | Number | Boolean | Null
Value = Literal | Name | Negate | Arithmetic | Call
Predicate = Comparison | Between | In | Like | Matches | Is | Not | And | Or
Node = Value | Predicate


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below one, in the order of the text."""
    match node:
        case Arithmetic() | Comparison():
            return (node.left, node.right)
        case And() | Or():
            return node.operands
        case Call():
            return node.arguments
        case Between():
            return (node.operand, node.low, node.high)
        case In():
            return (node.operand, *node.values)
        case Like() | Matches():
            return (node.operand, node.pattern)
        case Negate() | Not() | Is():
            return (node.operand,)
        case _:
            return ()


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth (the top's is 1), without recursion."""
    waiting: list[tuple[Node, int]] = [(node, 1)]
    while waiting:
        current, depth = waiting.pop()
        yield current, depth
        waiting.extend((child, depth + 1) for child in children(current))


def fields_used(node: Node) -> frozenset[str]:
    """The dotted names a filter mentions, so that a reader computes no others.

    Example:
        >>> from spanloom_query.filters.syntax import parse
        >>> sorted(fields_used(parse("status = 'error' AND attributes.user.id = 'ann'")))
        ['attributes.user.id', 'status']
    """
    return frozenset(part.dotted for part, _ in walk(node) if isinstance(part, Name))
