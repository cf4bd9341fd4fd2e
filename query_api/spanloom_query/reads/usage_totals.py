"""Tokens of whole traces and evaluations: summed by the engine, looked at closely where it is unclear.

The rule is that of :mod:`spanloom_query.reads.usage`. The engine sees parents and children, not
whole ancestries. So it also tells where that may not do, and only the spans of those groups are
fetched.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, Literal

from clickhouse_connect.driver.client import Client

from spanloom_query.reads.usage import SpanUsage, Tokens, total_tokens

MAX_DETAIL_SPANS: Final = 50_000
"""How many spans are fetched at most; groups beyond keep the engine's sum."""

SPAN_USAGE: Final = """
SELECT
    {group:Identifier} AS group_id, span_id, parent_span_id,
    input_tokens, output_tokens, total_tokens,
    kind IN ('llm', 'embedding') AS is_call,
    toString(scope_name) AS scope, toString(provider) AS provider, toString(model) AS model,
    attr_str['gen_ai.response.id'] AS response_id,
    toUnixTimestamp64Nano(start_time) AS start, toUnixTimestamp64Nano(end_time) AS end
FROM spans FINAL
WHERE project = {project:String}
"""
"""Its rows are what :func:`span_usage` takes; conditions may follow."""

# A span is laid out twice, as itself and as what its parent has below it, so that one pass finds
# both. Unclear: a span that reports and has children of which none reports, since one further down
# may; and what two instrumentations report, or two spans of one response.
_SUMS = """
SELECT
    group_id,
    sumIf(input_tokens, NOT wraps),
    sumIf(output_tokens, NOT wraps),
    sumIf(total_tokens, NOT wraps),
    countIf(reports AND NOT wraps AND has_children) > 0
        OR uniqExactIf(scope, reports AND NOT wraps) > 1
        OR countIf(response_id != '' AND NOT wraps)
            > uniqExactIf(response_id, response_id != '' AND NOT wraps) AS unclear
FROM
(
    SELECT
        group_id,
        max(part.2) AS reports,
        max(part.3) AS wraps,
        max(part.4) AS has_children,
        sum(part.5) AS input_tokens,
        sum(part.6) AS output_tokens,
        sum(part.7) AS total_tokens,
        max(part.8) AS scope,
        max(part.9) AS response_id
    FROM
    (
        SELECT
            {group:Identifier} AS group_id,
            coalesce(input_tokens, output_tokens, total_tokens) IS NOT NULL AS reporting,
            arrayJoin([
                (
                    span_id, reporting, false, false, input_tokens, output_tokens, total_tokens,
                    toString(scope_name), if(reporting, attr_str['gen_ai.response.id'], '')
                ),
                (parent_span_id, false, reporting, true, NULL, NULL, NULL, '', '')
            ]) AS part
        FROM spans FINAL
        WHERE project = {project:String}
          AND {group:Identifier} IN {ids:Array(String)}
          AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
          AND (
              reporting
              OR parent_span_id IN (
                  SELECT span_id
                  FROM spans
                  WHERE project = {project:String}
                    AND {group:Identifier} IN {ids:Array(String)}
                    AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
                    AND coalesce(input_tokens, output_tokens, total_tokens) IS NOT NULL
              )
          )
    )
    GROUP BY group_id, part.1
)
GROUP BY group_id
"""

_DETAILS = (
    SPAN_USAGE  # noqa: S608  # two constants put together
    + """
  AND group_id IN {ids:Array(String)}
  AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
  AND (
      coalesce(input_tokens, output_tokens, total_tokens) IS NOT NULL
      OR span_id IN (
          SELECT parent_span_id
          FROM spans
          WHERE project = {project:String}
            AND {group:Identifier} IN {ids:Array(String)}
            AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
      )
  )
ORDER BY group_id
LIMIT {limit:UInt32}
"""
)


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
    rows = client.query(_SUMS, parameters=parameters).result_rows
    sums = {group_id: Tokens(*counts) for group_id, *counts, _ in rows}
    unclear = [group_id for group_id, *_, is_unclear in rows if is_unclear]
    if unclear:
        details = _details(client, parameters | {"ids": unclear})
        sums |= {group_id: total_tokens(spans) for group_id, spans in details}
    return {group_id: tokens for group_id, tokens in sums.items() if tokens.reported}


def span_usage(row: Sequence[Any]) -> SpanUsage:
    """A span's usage from a row of :data:`SPAN_USAGE`."""
    _, span_id, parent, input_tokens, output_tokens, total, *call = row
    return SpanUsage(span_id, parent, Tokens(input_tokens, output_tokens, total), *call)


def _details(
    client: Client, parameters: dict[str, Any]
) -> Iterator[tuple[str, Sequence[SpanUsage]]]:
    limit = MAX_DETAIL_SPANS + 1
    rows = client.query(_DETAILS, parameters=parameters | {"limit": limit}).result_rows
    cut = rows[-1][0] if len(rows) == limit else None
    for group_id, spans in groupby(rows, key=lambda row: row[0]):
        if group_id != cut:
            yield group_id, [span_usage(row) for row in spans]
