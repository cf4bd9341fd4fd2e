"""Tree to condition: golden SQL, types that must meet, and nothing of the writer's in the SQL."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.formatting import format_filter
from spanloom_query.filters.sql import Condition, compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.filters.tokens import quoted_name, quoted_text
from spanloom_query.filters.tree import Call, Name, Node, Text
from tests.support.snapshots import assert_snapshot
from tests.unit.filters.example import CATALOGUE, Table

GOLDEN = {
    "arithmetic": "-tokens * 2 > doubled / (score - 1) % 3 + abs(score)",
    "attribute_by_type": (
        "attributes.\"user.id\" = 'ann' AND attributes.retries >= 2 AND attributes.cached = true"
    ),
    "attribute_presence": "attributes.user.id IS NULL OR attributes.x IS NOT NULL",
    "booleans": "correct AND NOT is_long OR correct = false OR (tokens > 1) != is_long",
    "functions": (
        "contains(lower(note), 'x') OR icontains(name, 'y') OR starts_with(name, note)"
        " OR ends_with(upper(name), 'Z') OR length(name) > 3 OR round(score) = 2"
    ),
    "lists": "name NOT IN ('a', 'b') AND tokens IN (1, 2) AND score IN (1, .5) AND correct IN (true)",
    "lists_with_zero": "score NOT IN (0, 1)",
    "nested": "NOT (name = 'a' OR (tokens > 1 AND (correct OR score < 0.5)))",
    "patterns": (
        "name LIKE 'a%' AND name NOT LIKE '_' AND note ILIKE '%é%' AND name ~ '^a'"
        " AND note !~ 'b$' AND regex(name, 'c') AND NOT is_null(note)"
    ),
    "ranges": "tokens BETWEEN 1 AND 5.5 AND name NOT BETWEEN 'a' AND 'b'",
    "seed": '"correct" = false AND "score" > 0.8',
    "states": (
        "note IS NULL AND tokens IS NOT NULL AND correct IS TRUE AND correct IS NOT FALSE"
        " AND (score > 1) IS NULL"
    ),
    "times": "start_time >= '2026-11-23' AND start_time < '2026-11-23T10:30:00.000000001+09:00'",
    "whole_numbers": (
        "tokens = 18446744073709551615 OR tokens IN (18446744073709551615, -9223372036854775808)"
    ),
}


def compiled(text: str, prefix: str = "f") -> Condition:
    return compile_filter(parse(text), CATALOGUE, prefix)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_sql_of_a_filter_is_as_reviewed(table: Table, name: str) -> None:
    condition = compiled(GOLDEN[name])

    parameters = json.dumps(condition.parameters, ensure_ascii=False)
    text = f"-- {GOLDEN[name]}\n-- {parameters}\n{condition.sql}"
    assert_snapshot(f"sql/filters/{name}.sql", text)
    table.row_numbers_where(condition)


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("scor > 1", "scor", "Did you mean score?"),
        ("nothing_like_it = 1", "nothing_like_it", "single quotes: 'nothing_like_it'"),
        ('name = "cat"', '"cat"', "A text stands in single quotes: 'cat'"),
        ("tokens = 'fast'", "'fast'", "tokens is a number, 'fast' is a text"),
        ("'5' = tokens", "'5'", "Leave out the quotes: 5"),
        ("name = 5", "5", "Write it in single quotes: '5'"),
        ("name = tokens", "tokens", "name is a text, tokens is a number"),
        ("correct = 'False'", "'False'", "Leave out the quotes: false"),
        ("correct = 1", "1", "Write true"),
        ("correct > false", "correct > false", "only equal or unequal"),
        ("correct BETWEEN false AND true", "correct BETWEEN false AND true", "only equal"),
        ("name", "name", "name is a text; true or false is wanted here"),
        ("5", "5", "5 is a number; true or false is wanted here"),
        ("name AND correct", "name", "true or false is wanted here"),
        ("NOT tokens", "tokens", "true or false is wanted here"),
        ("name + 1 = 2", "name", "a number is wanted here"),
        ("start_time + 1 > 2", "start_time", "a number is wanted here"),
        ("tokens LIKE 'a'", "tokens", "a text is wanted here"),
        ("lower(tokens) = 'a'", "tokens", "a text is wanted here"),
        ("tokens IS TRUE", "tokens", "true or false is wanted here"),
        ("tokens IN ('a')", "'a'", "tokens is a number, 'a' is a text"),
        ("name IN ('a', 1)", "1", "of one type"),
        ("name IN ('a', null)", "null", "OR x IS NULL"),
        ("name IN (null)", "null", "OR x IS NULL"),
        ("start_time IN ('2026-01-01')", "start_time IN ('2026-01-01')", "BETWEEN two others"),
        ("tokens = null", "null", "IS NULL"),
        ("start_time > 'noon'", "'noon'", "no time"),
        ("start_time > '2026-02-30'", "'2026-02-30'", "no such time"),
        ("start_time > '0001-01-01'", "'0001-01-01'", "from 1900 to 2261"),
        ("start_time > 5", "5", "start_time is a time, 5 is a number"),
        ("start_time > name", "name", "start_time is a time, name is a text"),
        ("attributes.a = attributes.b", "attributes.a", "no type of its own"),
        ("attributes.a = start_time", "attributes.a", "attributes are never a time"),
        ("attributes = 'a'", "attributes", "needs a key"),
        ("sleep(3) = 0", "sleep(3)", "no function sleep"),
        ("lowr(name) = 'a'", "lowr(name)", "Did you mean lower?"),
        ("lower(name, name) = 'a'", "lower(name, name)", "takes 1 argument, not 2"),
        ("is_null()", "is_null()", "takes 1 argument, not 0"),
        ("regex(name)", "regex(name)", "takes 2 arguments, not 1"),
        ("regex(name, note)", "note", "A pattern is a text"),
        ("name ~ '('", "'('", "no regular expression"),
        ("name LIKE 'a\\'", "'a\\'", "backslash"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(text: str, at: str, message: str) -> None:
    with pytest.raises(FilterError, match=message.replace("(", r"\(")) as caught:
        compiled(text)

    error = caught.value
    assert text[error.position : error.position + error.length] == at


def test_a_long_value_is_cut_in_a_message() -> None:
    with pytest.raises(FilterError, match=r"tokens is a number, 'x{38}… is a text\."):
        compiled(f"tokens = '{'x' * 4000}'")


def test_two_filters_share_a_query_under_two_prefixes() -> None:
    first, second = compiled("name = 'a'"), compiled("name = 'b'", prefix="having_")

    assert (first.sql, second.sql) == ("(name = {f0:String})", "(name = {having_0:String})")
    assert first.parameters | second.parameters == {"f0": "a", "having_0": "b"}


def test_a_prefix_is_no_way_into_the_sql() -> None:
    with pytest.raises(ValueError, match="not a prefix"):
        compiled("correct", prefix="f:String} OR 1 {")


@pytest.mark.parametrize(
    "template",
    [
        "name = {text}",
        "name IN ('a', {text})",
        "contains(lower({text}), note)",
        "attributes.{key} = {text} OR attributes.{key} > 5",
        "attributes.{key} IS NULL",
        "start_time > '2026-01-01' AND NOT name BETWEEN {text} AND {text}",
    ],
)
@given(text=st.text(), key=st.text(min_size=1))
def test_the_sql_does_not_depend_on_texts_and_keys(template: str, text: str, key: str) -> None:
    hostile = template.format(text=quoted_text(text), key=quoted_name((key,)))
    plain = template.format(text="'x'", key="k")

    assert compiled(hostile).sql == compiled(plain).sql


def test_a_filter_means_the_same_after_being_written() -> None:
    for text in GOLDEN.values():
        assert compiled(format_filter(parse(text))) == compiled(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01 00:00", 0),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("2026-11-23T10:30:00.123456789Z", 1_795_429_800_123_456_789),
        ("2026-11-23T19:30:00.123456789+09:00", 1_795_429_800_123_456_789),
    ],
)
def test_a_time_keeps_its_nanoseconds(text: str, nanoseconds: int) -> None:
    assert compiled(f"start_time = '{text}'").parameters == {"f0": nanoseconds}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Call("regex", (Name(("name",)), Name(("note",)))), "A pattern is a text"),
        (Call("nothing", (Text("a"),)), "There is no function nothing"),
    ],
)
def test_a_tree_made_by_hand_is_checked_too(node: Node, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        compile_filter(node, CATALOGUE)
