"""Tokens of a subtree: each model call counted once, however many spans repeat its tokens."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from clickhouse_connect.driver.client import Client


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
# it is left out; and what agents report counts only where no model call reports anything. Each
# span is laid out twice, as itself and as what its parent wraps, so that one pass finds both.
_LEAF_TOKENS = """
SELECT
    group_id,
    max(is_call) AS has_calls,
    if(has_calls, sumIf(input_tokens, is_call AND NOT wraps_call), sumIf(input_tokens, NOT wraps)),
    if(has_calls, sumIf(output_tokens, is_call AND NOT wraps_call), sumIf(output_tokens, NOT wraps)),
    if(has_calls, sumIf(total_tokens, is_call AND NOT wraps_call), sumIf(total_tokens, NOT wraps))
FROM
(
    SELECT
        group_id,
        max(part.2) AS is_call,
        max(part.3) AS wraps_call,
        max(part.4) AS wraps,
        sum(part.5) AS input_tokens,
        sum(part.6) AS output_tokens,
        sum(part.7) AS total_tokens
    FROM
    (
        SELECT
            {group:Identifier} AS group_id,
            kind IN ('llm', 'embedding') AS called,
            arrayJoin([
                (span_id, called, false, false, input_tokens, output_tokens, total_tokens),
                (parent_span_id, false, called, true, NULL, NULL, NULL)
            ]) AS part
        FROM spans FINAL
        WHERE project = {project:String}
          AND {group:Identifier} IN {ids:Array(String)}
          AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
          AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL OR total_tokens IS NOT NULL)
    )
    GROUP BY group_id, part.1
)
GROUP BY group_id
"""


def leaf_tokens(
    client: Client,
    project: str,
    group: Literal["trace_id", "evaluation_id"],
    ids: Sequence[str],
    start_unix_nano: int,
) -> Mapping[str, Tokens]:
    """The tokens of whole traces or evaluations, by id; one that reports none is left out.

    Args:
        client: a reader.
        project: whose they are.
        group: what the ids are of.
        ids: which ones.
        start_unix_nano: none of their spans started before.
    """
    parameters = {"project": project, "group": group, "ids": list(ids), "start": start_unix_nano}
    rows = client.query(_LEAF_TOKENS, parameters=parameters).result_rows
    return {group_id: Tokens(*counts) for group_id, _, *counts in rows}


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
