"""Tokens are counted once, however many spans repeat them."""

from spanloom_query.reads.usage import NO_TOKENS, SpanUsage, Tokens, subtree_tokens, summed

_SEVEN = Tokens(3, 4, 7)


def test_a_wrapper_repeats_the_tokens_of_what_it_wraps() -> None:
    spans = [
        SpanUsage("agent", "", Tokens(6, 8, 14)),
        SpanUsage("step", "agent", NO_TOKENS),
        SpanUsage("call1", "step", _SEVEN),
        SpanUsage("call2", "step", _SEVEN),
    ]
    totals = subtree_tokens(spans)

    assert totals["agent"] == totals["step"] == Tokens(6, 8, 14)
    assert totals["call1"] == _SEVEN


def test_tokens_that_only_a_wrapper_knows_count() -> None:
    spans = [SpanUsage("agent", "", _SEVEN), SpanUsage("call", "agent", NO_TOKENS)]

    assert subtree_tokens(spans)["agent"] == _SEVEN


def test_a_span_with_a_missing_parent_is_a_root() -> None:
    assert subtree_tokens([SpanUsage("orphan", "gone", _SEVEN)]) == {"orphan": _SEVEN}


def test_a_chain_deeper_than_the_stack_is_no_trouble() -> None:
    chain = [SpanUsage(str(i), str(i - 1), NO_TOKENS) for i in range(50_000)]
    totals = subtree_tokens([*chain, SpanUsage("leaf", "49999", _SEVEN)])

    assert totals["0"] == _SEVEN


def test_a_span_that_is_its_own_ancestor_ends_nowhere() -> None:
    assert subtree_tokens([SpanUsage("a", "b", _SEVEN), SpanUsage("b", "a", _SEVEN)]) == {}


def test_sums_leave_out_what_was_not_reported() -> None:
    assert summed([Tokens(1, None, None), NO_TOKENS, Tokens(2, 5, None)]) == Tokens(3, 5, None)
    assert summed([]) == NO_TOKENS
