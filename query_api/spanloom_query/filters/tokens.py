"""The words of a filter: its text cut into tokens."""

import re
from enum import Enum, auto
from typing import NamedTuple

from spanloom_query.filters.errors import FilterError, Span

KEYWORDS = frozenset(
    "AND OR NOT IN LIKE ILIKE BETWEEN IS NULL TRUE FALSE".split()  # noqa: SIM905 reads as a list
)

_QUOTED_NAME = r'"(?:[^"]|"")*"'
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<comment>--|/\*)
    | (?P<name>(?:{_QUOTED_NAME}|[^\W\d]\w*)(?:\.(?:{_QUOTED_NAME}|\w+))*)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<sign><=|>=|!=|<>|==|!~|[=<>~+\-*/%(),])
    """,
    re.VERBOSE,
)
_NAME_PART = re.compile(rf"{_QUOTED_NAME}|\w+")
_SINGLE_QUOTES_REMEDY = "Text stands in straight single quotes: 'text'."
_REMEDIES = {
    "'": "The text that begins here has no closing single quote.",
    '"': "The name that begins here has no closing double quote.",
    "`": 'Names stand in double quotes: "name".',
    "‘": _SINGLE_QUOTES_REMEDY,
    "’": _SINGLE_QUOTES_REMEDY,
    "“": _SINGLE_QUOTES_REMEDY,
    "”": _SINGLE_QUOTES_REMEDY,
    "&": "Write AND.",
    "|": "Write OR.",
    "!": "Write NOT, or != for unequal.",
    ";": "A filter is one condition; nothing can follow it.",
}


class Kind(Enum):
    NAME = auto()
    KEYWORD = auto()
    NUMBER = auto()
    TEXT = auto()
    SIGN = auto()
    END = auto()


class Token(NamedTuple):
    """A word: a keyword in capitals, a sign, or the source of a name, number or text."""

    kind: Kind
    source: str
    span: Span


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens, the last of them `END`.

    Raises:
        FilterError: A character which begins no token, an open quote, a comment.
    """
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        span = Span(position, match.end() - position)
        if match.lastgroup == "comment":
            raise FilterError("A filter holds no comments; put a space between two signs.", span)
        if match.lastgroup != "space":
            found.append(_token(match, span))
        position = match.end()
    found.append(Token(Kind.END, "", Span(len(text), 0)))
    return found


def name_parts(source: str) -> tuple[str, ...]:
    """The parts of a name's source, freed of their quotes: `a."b.c"` is `a` and `b.c`."""
    return tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in _NAME_PART.findall(source)
    )


def text_value(source: str) -> str:
    """What a text in single quotes says."""
    return source[1:-1].replace("''", "'")


def quoted_text(value: str) -> str:
    """A text as it is written in a filter."""
    return "'" + value.replace("'", "''") + "'"


def quoted_name(parts: tuple[str, ...]) -> str:
    """A name as it is written in a filter, in double quotes where it needs them."""
    return ".".join(_quoted_part(part) for part in parts)


def _quoted_part(part: str) -> str:
    if re.fullmatch(r"[^\W\d]\w*", part) and part.upper() not in KEYWORDS:
        return part
    return '"' + part.replace('"', '""') + '"'


def _token(match: re.Match[str], span: Span) -> Token:
    source = match[0]
    if match.lastgroup == "name" and source.isascii() and source.upper() in KEYWORDS:
        return Token(Kind.KEYWORD, source.upper(), span)
    assert match.lastgroup is not None
    return Token(Kind[match.lastgroup.upper()], source, span)


def _unreadable(text: str, position: int) -> FilterError:
    sign = text[position]
    if sign in "'\"":
        return FilterError(_REMEDIES[sign], Span(position, len(text) - position))
    if sign in "0123456789.":
        length = len(re.match(r"[\w.]+", text[position:])[0])  # type: ignore[index]
        return FilterError("This is neither a number nor a name.", Span(position, length))
    remedy = _REMEDIES.get(sign, "")
    return FilterError(f"{sign!r} means nothing here. {remedy}".rstrip(), Span(position, 1))
