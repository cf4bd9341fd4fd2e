"""Text to tree: what a filter may say, how it binds, and what is refused where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.formatting import format_filter
from spanloom_query.filters.syntax import parse
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
    fields_used,
)
from tests.unit.filters.trees import conditions

A, B, C = Name(("a",)), Name(("b",)), Name(("c",))
ONE, TWO = Number(1), Number(2)
EQUAL, GREATER = ComparisonOperator.EQUAL, ComparisonOperator.GREATER
ADD, SUBTRACT = ArithmeticOperator.ADD, ArithmeticOperator.SUBTRACT
MULTIPLY = ArithmeticOperator.MULTIPLY


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            '"correct" = false AND "confidence" > 0.8',
            And(
                (
                    Comparison(EQUAL, Name(("correct",)), Boolean(False)),
                    Comparison(GREATER, Name(("confidence",)), Number(0.8)),
                )
            ),
        ),
        ("a", A),
        ("NOT a AND b OR c", Or((And((Not(A), B)), C))),
        ("a AND (b OR c)", And((A, Or((B, C))))),
        ("a AND (b AND c)", And((A, And((B, C))))),
        ("a AND b AND c", And((A, B, C))),
        ("not Not a", Not(Not(A))),
        ("NOT a = 1", Not(Comparison(EQUAL, A, ONE))),
        ("(a = 1) = true", Comparison(EQUAL, Comparison(EQUAL, A, ONE), Boolean(True))),
        (
            "a - 1 - 2 = b",
            Comparison(EQUAL, Arithmetic(SUBTRACT, Arithmetic(SUBTRACT, A, ONE), TWO), B),
        ),
        (
            "a + 1 * 2 = b",
            Comparison(EQUAL, Arithmetic(ADD, A, Arithmetic(MULTIPLY, ONE, TWO)), B),
        ),
        ("-a = -1", Comparison(EQUAL, Negate(A), Number(-1))),
        ("a BETWEEN 1 AND 2 AND b", And((Between(A, ONE, TWO), B))),
        ("a NOT BETWEEN 1 AND 2", Between(A, ONE, TWO, negated=True)),
        ("a IN (1, -2, 'x', true)", In(A, (ONE, Number(-2), Text("x"), Boolean(True)))),
        ("a not in (1)", In(A, (ONE,), negated=True)),
        ("a LIKE '%x'", Like(A, Text("%x"))),
        ("a NOT ILIKE '%x'", Like(A, Text("%x"), ignores_case=True, negated=True)),
        ("a ~ '^x'", Matches(A, Text("^x"))),
        ("a !~ '^x'", Matches(A, Text("^x"), negated=True)),
        ("a IS NULL", Is(A, State.NULL)),
        ("a IS NOT TRUE", Is(A, State.TRUE, negated=True)),
        ("Lower(a) = null", Comparison(EQUAL, Call("lower", (A,)), Null())),
        ("contains(a, b)", Call("contains", (A, B))),
        ("lower = 1", Comparison(EQUAL, Name(("lower",)), ONE)),
        ('output."label" = 1', Comparison(EQUAL, Name(("output", "label")), ONE)),
        ('"say ""hi"""', Name(('say "hi"',))),
        ("attributes.gen_ai.prompt.0.not", Name(("attributes", "gen_ai", "prompt", "0", "not"))),
        ('"not"', Name(("not",))),
        ("정답", Name(("정답",))),
        ("a\N{NO-BREAK SPACE}=\t1\n", Comparison(EQUAL, A, ONE)),
    ],
)
def test_a_filter_reads_as(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("sign", "operator"),
    [("=", "="), ("==", "="), ("!=", "!="), ("<>", "!="), ("<", "<"), ("<=", "<="), (">=", ">=")],
)
def test_comparisons_have_the_spellings_of_sql_and_python(sign: str, operator: str) -> None:
    assert parse(f"a {sign} 1") == Comparison(ComparisonOperator(operator), A, ONE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (".8", 0.8),
        ("1.", 1.0),
        ("1e-3", 0.001),
        ("2E+2", 200.0),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_numbers_keep_their_kind_and_all_digits(text: str, value: float) -> None:
    number = parse(text)

    assert isinstance(number, Number)
    assert (type(number.value), number.value) == (type(value), value)


def test_a_text_may_hold_anything() -> None:
    assert parse("'it''s; DROP -- /* {f0:String} \\ \0'") == Text(
        "it's; DROP -- /* {f0:String} \\ \0"
    )


def test_a_node_knows_where_it_stands() -> None:
    tree = parse("  a = 1 AND 'bc' = lower(b)")

    assert isinstance(tree, And)
    right = tree.operands[1]
    assert isinstance(right, Comparison)
    assert tree.span == (2, 25)
    assert (right.span, right.left.span, right.right.span) == ((12, 15), (12, 4), (19, 8))


@pytest.mark.parametrize(
    ("text", "position", "length", "message"),
    [
        ("", 0, 0, "ends too early"),
        ("   ", 3, 0, "ends too early"),
        ("a =", 3, 0, "ends too early"),
        ("a = 1 b", 6, 1, "expected AND, OR or the end"),
        ("a = 1 = 2", 6, 1, "expected AND, OR or the end"),
        ("a = 'x", 4, 2, "no closing single quote"),
        ('"a = 1', 0, 6, "no closing double quote"),
        ("a = `b`", 4, 1, "double quotes"),
        ("a = “b”", 4, 1, "straight single quotes"),
        ("a = 1; b", 5, 1, "nothing can follow"),
        ("a && b", 2, 1, "Write AND"),
        ("a || b", 2, 1, "Write OR"),
        ("! a", 0, 1, "Write NOT"),
        ("a = 5ms", 4, 3, "neither a number nor a name"),
        ("a = 1.2.3", 4, 5, "neither a number nor a name"),
        ("a = 1 -- all", 6, 2, "no comments"),
        ("(a = 1", 6, 0, r"\) should follow"),
        ("a = 1)", 5, 1, "expected AND, OR or the end"),
        ("a IN ()", 6, 1, "expected a number, a text"),
        ("a IN (b)", 6, 1, "expected a number, a text"),
        ("a IN (-b)", 7, 1, "expected a number"),
        ("a IS 5", 5, 1, "expected NULL, TRUE or FALSE"),
        ("a NOT 5", 6, 1, "expected IN, LIKE, ILIKE or BETWEEN"),
        ("a LIKE b", 7, 1, "expected a pattern in single quotes"),
        ("a BETWEEN 1 OR 2", 12, 2, "expected AND"),
        ('"" = 1', 0, 2, "at least one character"),
        ('"lower"(a)', 0, 7, "function's name"),
        ("a.b(c)", 0, 3, "function's name"),
        ("a = 1e999", 4, 5, "too large"),
        ("a = 18446744073709551616", 4, 20, "64 bits"),
        ("a = \ud800", 4, 1, "half a character"),
    ],
)
def test_a_refusal_says_where_and_why(text: str, position: int, length: int, message: str) -> None:
    with pytest.raises(FilterError, match=message) as caught:
        parse(text)

    assert (caught.value.position, caught.value.length) == (position, length)


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (f"a = '{'x' * 4090}'", f"a = '{'x' * 4091}'", "4096 are allowed"),
        (f"a = '{'é' * 2045}'", f"a = '{'é' * 2046}'", "4096 are allowed"),
        ("(" * 32 + "a" + ")" * 32, "(" * 33 + "a" + ")" * 33, "deeper than 32"),
        ("NOT " * 31 + "a", "NOT " * 32 + "a", "deeper than 32"),
        ("1" + "+1" * 31, "1" + "+1" * 32, "deeper than 32"),
        (" OR ".join("a" * 300), " OR ".join("a" * 301), "more than 600"),
        (
            f"a IN ({','.join(['1'] * 1000)})",
            f"a IN ({','.join(['1'] * 1001)})",
            "1000 are allowed",
        ),
    ],
)
def test_bounds_hold_exactly(allowed: str, refused: str, message: str) -> None:
    parse(allowed)

    with pytest.raises(FilterError, match=message):
        parse(refused)


@pytest.mark.parametrize("bomb", ["(" * 4000, "NOT " * 1000, "- " * 2000, "f(" * 2000, "a+" * 2000])
def test_deep_nesting_is_refused_without_deep_recursion(bomb: str) -> None:
    with pytest.raises(FilterError):
        parse(bomb)


@given(tree=conditions)
def test_the_text_of_a_tree_reads_as_that_tree(tree: Node) -> None:
    assert parse(format_filter(tree)) == tree


@given(text=st.text())
def test_any_text_and_any_name_survive_being_written(text: str) -> None:
    tree = Comparison(EQUAL, Name(("attributes", text or "x")), Text(text))

    assert parse(format_filter(tree)) == tree


@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1))
def test_any_number_survives_being_written(value: float) -> None:
    for tree in (Number(value), Negate(Number(value)), Negate(Negate(Number(value)))):
        assert parse(format_filter(tree)) == tree


SCRAPS = [
    "a",
    '"',
    "'",
    "(",
    ")",
    "-",
    "NOT ",
    " AND ",
    ".",
    "1",
    "=",
    " IN ",
    ",",
    "~",
    "lower",
    "é",
]


def outcome(text: str) -> Node | FilterError:
    try:
        return parse(text)
    except FilterError as error:
        return error


@given(text=st.lists(st.sampled_from(SCRAPS) | st.text(max_size=3)).map("".join))
def test_any_text_is_a_filter_or_refused_within_itself(text: str) -> None:
    result = outcome(text)

    if isinstance(result, FilterError):
        assert 0 <= result.position <= result.position + result.length <= len(text)
    else:
        assert parse(format_filter(result)) == result


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('("correct"==false)   and confidence>.8', "correct = false AND confidence > 0.8"),
        ("(a or b) and not (c and a)", "(a OR b) AND NOT (c AND a)"),
        ("a-(b-c)>-(1)", "a - (b - c) > -(1)"),
        ("-(-a) = 1", "-(-a) = 1"),
        ("\"in\".\"x y\" not in ('it''s')", "\"in\".\"x y\" NOT IN ('it''s')"),
        ("(a = 1) is not null", "(a = 1) IS NOT NULL"),
        ("a == NULL or TRUE", "a = null OR true"),
    ],
)
def test_a_filter_is_written_in_one_plain_way(text: str, written: str) -> None:
    assert format_filter(parse(text)) == written


def test_the_fields_of_a_filter_are_known() -> None:
    tree = parse('lower(a.b) = "c" OR attributes."x.y" IN (1) AND NOT (d BETWEEN e AND f + 1)')

    assert fields_used(tree) == {"a.b", "c", "attributes.x.y", "d", "e", "f"}
