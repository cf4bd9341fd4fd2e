"""Filters that mean harm are refused, or do none: what they say stays data."""

import re

import pytest

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from tests.unit.filters.example import CATALOGUE, Table

REFUSED = [
    # a second statement, another query
    "1 = 1; DROP TABLE rows",
    "name = 'a'; SELECT 1",
    "name = 'a' UNION ALL SELECT 1",
    "name = (SELECT 'a')",
    "name IN (SELECT name FROM rows)",
    "EXISTS (SELECT 1)",
    "EXISTS(SELECT 1)",
    "name = any(SELECT name FROM rows)",
    # leaving the condition
    "1 = 1) OR (1 = 1",
    "correct) UNION SELECT (1",
    "correct ORDER BY name",
    "correct LIMIT 1",
    "correct GROUP BY name WITH ROLLUP",
    "correct FORMAT CSV",
    "correct SETTINGS readonly = 0",
    "correct INTO OUTFILE '/tmp/x'",
    "correct; --",
    "correct -- ' OR 1 = 1",
    "correct /* comment */",
    "correct # comment",
    # functions of the engine
    "sleep(3) = 0",
    "sleepEachRow(3) = 0",
    "file('/etc/hostname') = ''",
    "url('http://127.0.0.1/') = ''",
    "remote('127.0.0.1', 'system', 'one')",
    "hostName() = 'a'",
    "currentUser() = 'a'",
    "getSetting('max_threads') > 0",
    "dictGet('d', 'a', 1) = 1",
    "throwIf(1)",
    "rand() > 0",
    "version() = ''",
    "toString(tokens) = '1'",
    "arrayExists(x -> x = 1, tokens)",
    "mapKeys(attributes) = 1",
    "COLUMNS('.*') = 1",
    "columns() = 1",
    "char(39) = 'a'",
    # names beyond the catalogue
    "project = 'other'",
    "system.tables.name = 'rows'",
    "rows.name = 'a'",
    '"name) OR (1=1" = 1',
    "\"name' OR '1'='1\" = 1",
    "attr_str = 'a'",
    "* = 1",
    "rows.* = 1",
    "attr_str['a'] = 'b'",
    "@@version = 1",
    "_part = 'all'",
    # placeholders and quoting of other tongues
    "{f0:String} = 'a'",
    "name = {f0:String}",
    "name = {{}}",
    "name = %s",
    "name = ?",
    "name = :p",
    "name = $1",
    "name = $$a$$",
    "`name` = 'a'",
    "[name] = 'a'",
    "name = E'a'",
    "name = x'61'",
    "name = N'a'",
    "name = ‘a’",
    "name = 'a' \\' OR 1 = 1",
    "name = 'a''",
    "name = 'a\\''",
    'name = "a',
    # casts, cases, lambdas, operators
    "tokens::String = '1'",
    "CAST(tokens AS String) = '1'",
    "CASE WHEN correct THEN 1 END = 1",
    "correct ? 1 : 0",
    "name || 'a' = 'b'",
    "tokens & 1 = 1",
    "tokens << 1 = 2",
    "tokens := 1",
    "name REGEXP 'a'",
    "name GLOBAL IN ('a')",
    "tokens = 0x10",
    "tokens = 1_000",
    "tokens = 1e999",
    "tokens = NaN",
    "tokens = inf",
    "tokens = 99999999999999999999999999",
    # bytes out of place
    "name = 'a' \0",
    "correct\0",
    "name = \x1b",
    "\ufeffcorrect",
    "correct\u200b",
    "name = '\ud800'",
    # too much
    "(" * 4000 + "correct" + ")" * 4000,
    " AND ".join(["correct"] * 5000),
    f"tokens IN ({','.join(['1'] * 5000)})",
    "name ~ '((a{100}){100}){100}'",
    "name ~ '(a+)+\\1'",
    "",
    "()",
    "NOT",
    "AND correct",
]
HARMLESS = [
    "name = '''; DROP TABLE rows; --'",
    "name = '{f0:String}'",
    "name = '{f1:Identifier}' AND note = '{f0:String}'",
    "name = '%s %(f0)s $1 :p ?'",
    r"name = 'a\'",
    r"name = '\''; DROP TABLE rows; --'",
    "name = '\0'",
    r"name = '\N'",
    "name IN ('a'') OR (1=1', ''')', '\\')",
    "attributes.\"it's\" = 'a'",
    "attributes.\"k\\\" = 'a'",
    "attributes.\"') OR 1=1 OR ('\" = 'a'",
    "attributes.\"{f0:String}\" = 'a'",
    'attributes."a]) OR (1=1" > 1',
    'attributes."\0" IS NULL',
    "attributes.attr_str = 'a'",
    "name\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}'a'",
    "name ~ '(a+)+$'",
    "name LIKE '%%%%%%%%%%%%%%%%%%%%%%%%%a'",
    "tokens / 0 > 1 OR tokens % 0 > 1 OR tokens / (score - score) = 1",
    "tokens * 1e308 * 1e308 > 1 OR -9223372036854775808 - tokens > abs(-9223372036854775808)",
]
PARAMETER = re.compile(r"\{f\d+:(?:Array\()?(?:String|Bool|Int64|Float64)\)?\}")


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(parse(text), CATALOGUE)


@pytest.mark.parametrize("text", HARMLESS)
def test_it_stays_data(table: Table, text: str) -> None:
    condition = compile_filter(parse(text), CATALOGUE)

    assert not re.search(r"[{}'\"\\;\0]|--", PARAMETER.sub("", condition.sql))
    table.row_numbers_where(condition)


def test_the_rows_are_still_there_and_hostile_texts_match_none(table: Table) -> None:
    for text in HARMLESS[:9]:
        assert table.row_numbers_where(compile_filter(parse(text), CATALOGUE)) == []

    everything = compile_filter(parse("true"), CATALOGUE)
    assert len(table.row_numbers_where(everything)) == len(table.rows)
