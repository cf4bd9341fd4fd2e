"""Tokens of a subtree: each model call counted once, however many spans repeat its tokens."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Tokens(NamedTuple):
    """Counts of tokens; None when nothing was reported."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None

    @property
    def reported(self) -> bool:
        """Whether there is any count."""
        return any(count is not None for count in self)


NO_TOKENS = Tokens(None, None, None)

# Tokens are counted where a model was called. A span that wraps such a call repeats its tokens, so
# it is left out; and what agents report counts only where no model call reports anything.
LEAF_TOKENS_SQL = """
    groupArrayIf(
        (
            span_id, parent_span_id, kind IN ('llm', 'embedding'),
            ifNull(input_tokens, 0), ifNull(output_tokens, 0), ifNull(total_tokens, 0)
        ),
        input_tokens IS NOT NULL OR output_tokens IS NOT NULL OR total_tokens IS NOT NULL
    ) AS reported,
    arrayFilter(call -> call.3, reported) AS model_calls,
    if(notEmpty(model_calls), model_calls, reported) AS calls,
    arrayDistinct(arrayMap(call -> call.2, calls)) AS wrappers,
    arrayFilter(call -> NOT has(wrappers, call.1), calls) AS leaves,
    if(empty(leaves), NULL, arraySum(call -> call.4, leaves)) AS leaf_input_tokens,
    if(empty(leaves), NULL, arraySum(call -> call.5, leaves)) AS leaf_output_tokens,
    if(empty(leaves), NULL, arraySum(call -> call.6, leaves)) AS leaf_total_tokens
"""
"""Columns of a query over spans, grouped: the tokens of the group, see :func:`leaf_tokens`."""


def leaf_tokens(row: Mapping[str, Any]) -> Tokens:
    """The tokens of a row that was selected with :data:`LEAF_TOKENS_SQL`."""
    return Tokens(row["leaf_input_tokens"], row["leaf_output_tokens"], row["leaf_total_tokens"])


class SpanUsage(NamedTuple):
    """One span's place in its tree and the tokens it reports itself."""

    span_id: str
    parent_span_id: str
    own: Tokens


def subtree_tokens(spans: Sequence[SpanUsage]) -> Mapping[str, Tokens]:
    """The tokens of every span's subtree, by span id.

    A span's own count stands unless a span below it reports any: then it is a repetition.

    Args:
        spans: of any number of trees, in any order; a parent may be missing.

    Example:
        >>> agent = SpanUsage("a", "", Tokens(3, 4, 7))
        >>> call = SpanUsage("b", "a", Tokens(3, 4, 7))
        >>> subtree_tokens([agent, call])["a"].total_tokens
        7
    """
    children: dict[str, list[str]] = {}
    for span in spans:
        children.setdefault(span.parent_span_id, []).append(span.span_id)
    own = {span.span_id: span.own for span in spans}
    totals: dict[str, Tokens] = {}
    for span_id in reversed(_parents_first(own, children, [span.parent_span_id for span in spans])):
        below = summed([totals[child] for child in children.get(span_id, ())])
        totals[span_id] = below if below.reported else own[span_id]
    return totals


def summed(parts: Sequence[Tokens]) -> Tokens:
    """Add up, leaving out what was not reported."""
    return Tokens(*(_sum(column) for column in zip(*parts, strict=True))) if parts else NO_TOKENS


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _parents_first(
    own: Mapping[str, Tokens], children: Mapping[str, list[str]], parents: Sequence[str]
) -> list[str]:
    waiting = [child for parent in dict.fromkeys(parents) if parent not in own
               for child in children[parent]]  # fmt: skip
    ordered: list[str] = []
    while waiting:
        span_id = waiting.pop()
        ordered.append(span_id)
        waiting.extend(children.get(span_id, ()))
    return ordered
