"""Patterns of LIKE and of regular expressions, checked before ClickHouse meets them.

ClickHouse's regular expressions are RE2's: run in linear time, without backreferences and
lookaround. What passes here compiles there; a few exotic forms that RE2 knows are refused.

    regex       branch { "|" branch }
    branch      { atom [ ("*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}") [ "?" ] ] }
    atom        "(" [ "?:" | "?P<name>" | "?flags:" ] regex ")" | "(?flags)" | "[" class "]"
                | "." | "^" | "$" | escape | any other sign
"""

import re
from typing import NamedTuple, NoReturn

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.tree import Text

_MAX_REPETITIONS = 1000
"""RE2's own bound, also on the product of nested repetitions."""
_MAX_GROUP_DEPTH = 32
_MAX_COST = 20_000
"""Signs after repetitions are unrolled; far below RE2's bound on a program's memory."""

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(?P<least>\d+)(?P<range>,(?P<most>\d*))?\})\??", re.ASCII)
_GROUP = re.compile(
    r"\((?:\?(?::|P<(?P<name>\w+)>|(?P<flags>[imsU]+(?:-[imsU]+)?)(?P<end>[:)])))?", re.ASCII
)
_RANGE_SIGN = re.compile(r"-(?=[^\]])")
_CLASS_NAME = re.compile(
    r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word"
    r"|xdigit):\]"
)
_PROPERTY = re.compile(
    r"\\[pP](?:[CLMNPSZ]|\{\^?(?:[CLMNPSZ]|L[ulmot]|N[dlo]|P[cdefios]|S[ckmo]|Z[lps]"
    r"|Arabic|Cyrillic|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai)\})"
)
_SIGN_ESCAPE = re.compile(
    r"\\(?:[^\w\s\x80-\U0010ffff]|[afnrtv]|x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,6}\})", re.ASCII
)
_SET_ESCAPE = re.compile(r"\\[dDsSwW]")
_PLACE_ESCAPE = re.compile(r"\\[bBAz]")
_CONTROL_SIGNS = dict(zip("afnrtv", "\a\f\n\r\t\v", strict=True))
_PROPERTY_COST, _SET_COST, _SIGN_COST = 600, 12, 4


def check_like_pattern(pattern: Text) -> None:
    r"""Check that every backslash stands before `%`, `_` or another backslash.

    Raises:
        FilterError: A backslash which escapes nothing.
    """
    rest = re.sub(r"\\[%_\\]", "", pattern.value)
    if "\\" in rest:
        message = r"In a LIKE pattern a backslash stands before %, _ or another backslash."
        raise FilterError(message, pattern.span)


def check_regex(pattern: Text) -> None:
    """Check that RE2 can compile a regular expression.

    Raises:
        FilterError: It cannot, or it is beyond a bound; says which part is at fault.
    """
    _RegexCheck(pattern).whole()


class _Size(NamedTuple):
    """How large a part becomes, and the most repetitions nested in it."""

    cost: int
    repetitions: int = 1


class _RegexCheck:
    """One check; a method for each rule of the grammar."""

    def __init__(self, pattern: Text) -> None:
        self._pattern = pattern
        self._text = pattern.value
        self._position = 0
        self._depth = 0
        self._names: set[str] = set()

    def whole(self) -> None:
        if "\0" in self._text:
            self._fail("it holds a zero byte")
        self._alternatives()
        if self._position < len(self._text):
            self._fail("a ) without its (")

    def _alternatives(self) -> _Size:
        sizes = [self._branch()]
        while self._take("|"):
            sizes.append(self._branch())
        return self._checked(sizes)

    def _branch(self) -> _Size:
        sizes = [_Size(0)]
        while self._position < len(self._text) and self._text[self._position] not in "|)":
            size = self._atom()
            quantifier = self._match(_QUANTIFIER)
            if quantifier is not None:
                size = self._repeated(size, quantifier)
            sizes.append(size)
        return self._checked(sizes)

    def _checked(self, sizes: list[_Size]) -> _Size:
        size = _Size(sum(part.cost for part in sizes), max(part.repetitions for part in sizes))
        if size.cost > _MAX_COST:
            self._fail("it becomes too large")
        return size

    def _repeated(self, size: _Size, quantifier: re.Match[str]) -> _Size:
        if self._match(_QUANTIFIER):
            self._fail("a repetition is repeated")
        if size.cost == 0:
            self._fail(f"there is nothing to repeat before {quantifier[0]}")
        if quantifier["least"] is None:
            return size
        least, most = int(quantifier["least"]), int(quantifier["most"] or 0)
        if quantifier["most"] and most < least:
            self._fail(f"{quantifier[0]} ends before it begins")
        repetitions = size.repetitions * max(least, most, 1)
        if repetitions > _MAX_REPETITIONS:
            self._fail(f"more than {_MAX_REPETITIONS} repetitions")
        return _Size(size.cost * max(least, most, 1), repetitions)

    def _atom(self) -> _Size:
        sign = self._text[self._position]
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        if self._match(_QUANTIFIER):
            self._fail(f"there is nothing to repeat before {sign}")
        self._position += 1
        if sign in "^$":
            return _Size(0)
        return _Size(_SET_COST if sign == "." else _SIGN_COST)

    def _group(self) -> _Size:
        opening = self._match(_GROUP)
        assert opening is not None, "the caller saw its first sign"
        if opening[0] == "(" and self._text.startswith("?", self._position):
            self._fail("RE2 has no lookaround and no other group (?…)")
        if opening["end"] == ")":
            return _Size(0)
        self._note_name(opening["name"])
        self._depth += 1
        if self._depth > _MAX_GROUP_DEPTH:
            self._fail(f"groups are nested deeper than {_MAX_GROUP_DEPTH}")
        size = self._alternatives()
        if not self._take(")"):
            self._fail("a ( without its )")
        self._depth -= 1
        return _Size(size.cost + _SIGN_COST, size.repetitions)

    def _note_name(self, name: str | None) -> None:
        if name in self._names:
            self._fail(f"two groups are called {name}")
        if name is not None:
            self._names.add(name)

    def _class(self) -> _Size:
        self._position += 1
        self._take("^")
        cost = _SET_COST
        is_first = True
        while is_first or not self._take("]"):
            if self._position >= len(self._text):
                self._fail("a [ without its ]")
            cost += self._class_member()
            is_first = False
        return _Size(cost)

    def _class_member(self) -> int:
        if self._match(_CLASS_NAME) or self._match(_SET_ESCAPE):
            return _SET_COST
        if self._match(_PROPERTY):
            return _PROPERTY_COST
        if self._text.startswith("[:", self._position):
            self._fail("there is no such class of signs")
        low = self._class_sign()
        if self._match(_RANGE_SIGN) and self._class_sign() < low:
            self._fail("a range ends before it begins")
        return _SET_COST

    def _class_sign(self) -> int:
        """One sign of a class, as its code."""
        escape = self._match(_SIGN_ESCAPE)
        if escape is None:
            if self._text.startswith("\\", self._position):
                self._fail(f"it does not know {self._text[self._position :][:2]} here")
            self._position += 1
            return ord(self._text[self._position - 1])
        if escape[0].startswith("\\x"):
            return self._code(escape[0])
        sign = escape[0][1]
        return ord(_CONTROL_SIGNS.get(sign, sign))

    def _code(self, escape: str) -> int:
        code = int(escape[2:].strip("{}"), base=16)
        if code > 0x10FFFF:
            self._fail(f"{escape} is no sign")
        return code

    def _escape(self) -> _Size:
        if self._match(_PLACE_ESCAPE):
            return _Size(0)
        if self._match(_SET_ESCAPE):
            return _Size(_SET_COST)
        if self._match(_PROPERTY):
            return _Size(_PROPERTY_COST)
        sign = self._match(_SIGN_ESCAPE)
        if sign is None:
            self._fail(f"RE2 does not know {self._text[self._position :][:2]}")
        if sign[0].startswith("\\x"):
            self._code(sign[0])
        return _Size(_SIGN_COST)

    def _match(self, part: re.Pattern[str]) -> re.Match[str] | None:
        """Step over a part if it comes next."""
        found = part.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._position):
            return False
        self._position += 1
        return True

    def _fail(self, reason: str) -> NoReturn:
        message = f"This is no regular expression: {reason}."
        raise FilterError(message, self._pattern.span)
