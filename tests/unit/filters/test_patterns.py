"""Patterns that pass the check compile in ClickHouse; those that cannot are refused with a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.patterns import check_like_pattern, check_regex
from spanloom_query.filters.tree import Text
from tests.unit.filters.example import Table

REGEX_SCRAPS = (
    *"ab(){}[]|*+?.^$-:,é0 129",
    *(r"\d", r"\W", r"\b", r"\.", r"\\", r"\-", r"\n", r"\x41", r"\x{e9}", r"\pL", r"\p{Greek}"),
    *(
        "(?:",
        "(?i)",
        "(?P<n>",
        "(?s-m:",
        "[^",
        "[a-z]",
        "[[:alpha:]]",
        "{2}",
        "{2,}",
        "{1,3}",
        "{9,1}",
    ),
)
LIKE_SCRAPS = ("a", "%", "_", "\\", "é", "\n")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^chat (gpt|claude)-[0-9.]+$",
        r"(?i)rate.?limit|HTTP\/[45]\d\d",
        r"[\w.+-]+@[\w-]+\.\w{2,}",
        r"[]^-]",
        r"[^\]]",
        r"a{,5}",
        r"\p{Hangul}+",
        r"[[:alpha:]_][[:^digit:]]*?",
        "(?P<year>\\d{4})-(?P<month>\\d\\d)",
        "((a{10}){10}){10}",
        "x{1000}",
    ],
)
def test_these_are_regular_expressions(table: Table, pattern: str) -> None:
    check_regex(Text(pattern))

    table.match("", pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "without its"),
        (")", "without its"),
        ("a)b", "without its"),
        ("[a", "without its"),
        ("[]", "without its"),
        ("*a", "nothing to repeat"),
        ("a|+", "nothing to repeat"),
        ("(?i)*", "nothing to repeat"),
        ("a**", "repetition is repeated"),
        ("a{2}{3}", "repetition is repeated"),
        ("a{3,2}", "ends before it begins"),
        ("[z-a]", "ends before it begins"),
        ("a{1001}", "more than 1000"),
        ("((a{10}){10}){11}", "more than 1000"),
        (r"(a)\1", "does not know"),
        ("(?=a)", "lookaround"),
        ("(?<!a)b", "lookaround"),
        ("(?>a)", "lookaround"),
        ("(?P=x)", "lookaround"),
        (r"\Qa", "does not know"),
        (r"\uabcd", "does not know"),
        ("a\\", "does not know"),
        (r"[\b]", "does not know"),
        (r"\x{110000}", "is no sign"),
        ("[[:word]]", "no such class"),
        ("(?P<n>a)(?P<n>b)", "two groups"),
        (r"(\pL{50}){20}", "too large"),
        ("(" * 33 + ")" * 33, "nested deeper"),
        ("a\0b", "zero byte"),
    ],
)
def test_these_are_none(pattern: str, reason: str) -> None:
    with pytest.raises(FilterError, match=reason):
        check_regex(Text(pattern))


@settings(max_examples=400, deadline=None)
@given(pattern=st.lists(st.sampled_from(REGEX_SCRAPS), max_size=12).map("".join))
def test_a_regular_expression_that_passes_compiles_in_clickhouse(
    table: Table, pattern: str
) -> None:
    try:
        check_regex(Text(pattern))
    except FilterError:
        return
    table.match("any text", pattern)


@settings(max_examples=200, deadline=None)
@given(pattern=st.lists(st.sampled_from(LIKE_SCRAPS), max_size=6).map("".join))
def test_a_like_pattern_that_passes_runs_in_clickhouse(table: Table, pattern: str) -> None:
    try:
        check_like_pattern(Text(pattern))
    except FilterError:
        assert "\\" in pattern
        return
    table.like("any text", pattern)


@pytest.mark.parametrize("pattern", ["\\", "a\\b", "%\\", "\\\\\\"])
def test_a_backslash_that_escapes_nothing_is_no_like_pattern(pattern: str) -> None:
    with pytest.raises(FilterError, match="backslash"):
        check_like_pattern(Text(pattern))
