"""Strategies of hypothesis: trees of filters that make sense on the example's rows."""

from hypothesis import strategies as st

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
    Number,
    Or,
    State,
    Text,
)
from tests.unit.filters.example import KEYS, TEXTS

EQUALITIES = (ComparisonOperator.EQUAL, ComparisonOperator.NOT_EQUAL)
PATTERNS = ("", "%", "ch%", "%T", "_", "%é", "%é%", r"100\%", r"a\_b", r"a_b", r"back\\%", "%'s")
REGEXES = ("", "^ch", "a.b$", "[A-Z]{2}", "é|É", "(?i)CHAT", r"\\", r"\d+%", "o{0}w?o")

keys = st.sampled_from(KEYS)
attributes = keys.map(lambda key: Name(("attributes", key)))
texts = st.sampled_from(TEXTS).map(Text)
integers = st.integers(-4, 12).map(Number)
floats = st.sampled_from((-1.5, 0.0, 0.1, 0.5, 0.8, 2.0, 2.5)).map(Number)
numbers = integers | floats
times = st.integers(20, 26).map(lambda second: Text(f"2023-11-14T22:13:{second}Z"))
text_fields = st.sampled_from(["name", "note", "output.label"]).map(
    lambda name: Name(tuple(name.split(".")))
)
number_fields = st.sampled_from(["tokens", "score", "doubled"]).map(lambda name: Name((name,)))
boolean_fields = st.sampled_from(["correct", "is_long"]).map(lambda name: Name((name,)))
start_time = st.just(Name(("start_time",)))


def negatable(*parts: st.SearchStrategy[object], kind: type) -> st.SearchStrategy[Node]:
    return st.builds(kind, *parts, st.booleans())


text_values = st.recursive(
    text_fields,
    lambda inner: st.builds(
        lambda function, argument: Call(function, (argument,)),
        st.sampled_from(["lower", "upper"]),
        inner | texts | attributes,
    ),
    max_leaves=3,
)
number_values = st.recursive(
    number_fields | text_values.map(lambda text: Call("length", (text,))),
    lambda inner: (
        st.builds(Negate, inner | numbers | attributes)
        | st.builds(
            Arithmetic,
            st.sampled_from(ArithmeticOperator),
            inner | numbers | attributes,
            inner | numbers | attributes,
        )
        | st.builds(
            lambda function, argument: Call(function, (argument,)),
            st.sampled_from(["abs", "round"]),
            inner | attributes,
        )
    ),
    max_leaves=4,
)
comparisons = (
    st.builds(
        Comparison,
        st.sampled_from(ComparisonOperator),
        text_values,
        text_values | texts | attributes,
    )
    | st.builds(
        Comparison,
        st.sampled_from(ComparisonOperator),
        number_values,
        number_values | numbers | attributes,
    )
    | st.builds(Comparison, st.sampled_from(ComparisonOperator), attributes, texts | numbers)
    | st.builds(Comparison, st.sampled_from(ComparisonOperator), start_time, times)
    | st.builds(
        Comparison,
        st.sampled_from(EQUALITIES),
        boolean_fields | attributes,
        boolean_fields | st.booleans().map(Boolean),
    )
)
lists = st.lists(texts, min_size=1, max_size=4).map(tuple)
number_lists = st.lists(numbers, min_size=1, max_size=4).map(tuple)
boolean_lists = st.lists(st.booleans().map(Boolean), min_size=1, max_size=2).map(tuple)
ranges = (
    negatable(number_values | attributes, numbers, numbers, kind=Between)
    | negatable(text_values | attributes, texts, texts, kind=Between)
    | negatable(start_time, times, times, kind=Between)
    | negatable(text_values | attributes, lists, kind=In)
    | negatable(number_values | attributes, number_lists, kind=In)
    | negatable(boolean_fields | attributes, boolean_lists, kind=In)
)
patterns = negatable(
    text_values | attributes, st.sampled_from(PATTERNS).map(Text), st.booleans(), kind=Like
) | negatable(text_values | attributes, st.sampled_from(REGEXES).map(Text), kind=Matches)
calls = st.builds(
    lambda function, text, part: Call(function, (text, part)),
    st.sampled_from(["contains", "icontains", "starts_with", "ends_with"]),
    text_values | attributes,
    text_values | texts,
)
absences = negatable(
    text_values | number_values | boolean_fields | attributes, st.just(State.NULL), kind=Is
) | st.builds(lambda value: Call("is_null", (value,)), text_values | number_values | attributes)

conditions: st.SearchStrategy[Node] = st.recursive(
    comparisons | ranges | patterns | calls | absences | boolean_fields | attributes,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | negatable(inner, st.sampled_from([State.TRUE, State.FALSE]), kind=Is)
    ),
    max_leaves=5,
)
