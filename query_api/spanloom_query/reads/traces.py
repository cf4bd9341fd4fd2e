"""Traces: pages of them, and one as a tree without payloads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.filters.sql import Condition
from spanloom_query.reads import cursors, search
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.display_names import display_names
from spanloom_query.reads.usage import (
    NO_TOKENS,
    SpanUsage,
    Tokens,
    duplicates,
    wrapped_duplicates,
)
from spanloom_query.reads.usage_totals import leaf_tokens

MAX_TREE_SPANS = 100_000
_PREVIEW_CHARS = 240


@dataclass(frozen=True)
class TraceSummary:
    """A trace in a list. Tokens are null when no span reported any."""

    trace_id: str
    root_span_id: str
    name: str
    kind: str
    status: str
    status_message: str
    start_time: str
    start_time_unix_nano: int
    end_time: str | None
    duration_ms: float | None
    span_count: int
    error_count: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    models: list[str]
    service_name: str
    session_id: str
    user_id: str
    environment: str
    input_preview: str | None
    output_preview: str | None


@dataclass(frozen=True)
class TracePage:
    """A page of traces."""

    traces: list[TraceSummary]
    next_cursor: str | None


@dataclass(frozen=True)
class SpanColumns:
    """The spans of a trace, one list a column, in order of their start.

    ``parent`` holds places in these lists, -1 for a root or when the parent is not there;
    ``start_us`` counts from the trace's start.
    """

    span_id: list[str]
    parent: list[int]
    name: list[str]
    kind: list[str]
    status: list[str]
    start_us: list[float]
    duration_us: list[float | None]
    input_tokens: list[int | None]
    output_tokens: list[int | None]
    total_tokens: list[int | None]
    model: list[str | None]


@dataclass(frozen=True)
class Trace(TraceSummary):
    """One trace: its summary and its tree.

    ``missing_parents``: span id to the id not stored. ``duplicates``: a span that reports a model
    call a second time, because two instrumentations are on, to the other that reports it.
    """

    project: str
    shown_span_count: int
    spans: SpanColumns
    missing_parents: dict[str, str]
    duplicates: dict[str, str]


class PageRequest(NamedTuple):
    """Which part of a list is wanted; ``sort`` as in :func:`search.parsed_order`."""

    limit: int
    cursor: str | None
    sort: str


def list_traces(
    engine: Engine, project: str, page: PageRequest, condition: Condition | None = None
) -> TracePage:
    """A page of a project's traces.

    Args:
        engine: where they are.
        project: whose they are.
        page: which part.
        condition: over the fields of :data:`spanloom_query.reads.trace_fields.TRACE_FIELDS`.

    Raises:
        UnknownSortError: there is no such order.
        CursorError: the cursor is damaged or of another order.
    """
    order = search.parsed_order(page.sort)
    cursor = cursors.decoded(page.cursor, order.sort.python_type)
    with engine.reader() as client:
        found = _first_page(client, project, order, cursor, condition, page.limit + 1)
        shown = found[: page.limit]
        summaries = _summaries(client, project, [key.id for key in shown])
        traces = _with_previews(client, project, [summaries[key.id] for key in shown])
    more = len(found) > page.limit
    return TracePage(traces, cursors.encoded(shown[-1]) if more else None)


def _first_page(
    client: Client,
    project: str,
    order: search.Order,
    cursor: Cursor | None,
    condition: Condition | None,
    limit: int,
) -> list[Cursor]:
    newest = _newest_start(client, project)
    if newest is None:
        return []
    found: list[Cursor] = []
    for window in search.windows(order, newest, cursor):
        if condition is not None:  # it may look at any span of a trace, so all must be in sight
            window = window._replace(high_ns=newest + 1)
        found = search.found_traces(client, project, order, window, cursor, condition, limit)
        if window.low_ns > 0:
            found = _started_within(client, project, found, window)
        if len(found) >= limit:
            break
    return found


def _started_within(
    client: Client, project: str, found: list[Cursor], window: search.Window
) -> list[Cursor]:
    rows = client.query(
        _TRUE_STARTS, parameters={"project": project, "trace_ids": [key.id for key in found]}
    ).named_results()
    true_starts = {row["trace_id"]: row["first_start"] for row in rows}
    return [key for key in found if true_starts[key.id] >= window.low_ns]


_TRUE_STARTS = """
SELECT trace_id, toUnixTimestamp64Nano(min(start_time)) AS first_start
FROM spans FINAL
WHERE project = {project:String} AND trace_id IN {trace_ids:Array(String)}
GROUP BY trace_id
"""


def _newest_start(client: Client, project: str) -> int | None:
    rows = client.query(_NEWEST, parameters={"project": project}).result_rows
    return int(rows[0][0]) if rows else None


_NEWEST = """
SELECT toUnixTimestamp64Nano(max(start_time))
FROM spans
WHERE project = {project:String}
GROUP BY project
"""

_SUMMARIES = """
SELECT
    trace_id,
    argMin(
        (
            span_id, name, kind, status, status_message, service_name, session_id, user_id, environment
        ),
        (parent_span_id != '', start_time, span_id)
    ) AS root,
    toUnixTimestamp64Nano(min(start_time)) AS first_start,
    if(toUnixTimestamp64Nano(min(end_time)) = 0, 0, toUnixTimestamp64Nano(max(end_time))) AS last_end,
    count() AS span_count,
    countIf(status_code = 2) AS error_count,
    arrayFilter(name -> name != '', arraySort(groupUniqArray(model))) AS models
FROM spans FINAL
WHERE project = {project:String} AND trace_id IN {trace_ids:Array(String)}
GROUP BY trace_id
"""


def _summaries(client: Client, project: str, trace_ids: Sequence[str]) -> dict[str, TraceSummary]:
    if not trace_ids:
        return {}
    parameters = {"project": project, "trace_ids": list(trace_ids)}
    rows = list(client.query(_SUMMARIES, parameters=parameters).named_results())
    start = min(row["first_start"] for row in rows) if rows else 0
    tokens = leaf_tokens(client, project, "trace_id", trace_ids, start)
    return {row["trace_id"]: _summary(row, tokens.get(row["trace_id"], NO_TOKENS)) for row in rows}


def _summary(row: dict[str, Any], tokens: Tokens) -> TraceSummary:
    root_span_id, name, kind, status, message, service, session, user, environment = row["root"]
    start, end = row["first_start"], row["last_end"]
    return TraceSummary(
        trace_id=row["trace_id"],
        root_span_id=root_span_id,
        name=name,
        kind=kind,
        status=status,
        status_message=message,
        start_time=rfc3339(start),
        start_time_unix_nano=start,
        end_time=rfc3339(end) if end else None,
        duration_ms=(end - start) / 1e6 if end else None,
        span_count=row["span_count"],
        error_count=row["error_count"],
        **tokens._asdict(),
        models=list(row["models"]),
        service_name=service,
        session_id=session,
        user_id=user,
        environment=environment,
        input_preview=None,
        output_preview=None,
    )


# A payload that is a JSON string is shown as its text, without quotes and escapes.
_PREVIEWS = """
WITH
    if(JSONType(input) = 'String', JSONExtractString(input), input) AS input_text,
    if(JSONType(output) = 'String', JSONExtractString(output), output) AS output_text
SELECT
    trace_id,
    substringUTF8(input_text, 1, {chars:UInt32}),
    substringUTF8(output_text, 1, {chars:UInt32})
FROM spans FINAL
WHERE project = {project:String}
  AND trace_id IN {trace_ids:Array(String)}
  AND span_id IN {span_ids:Array(String)}
"""


def _with_previews(
    client: Client, project: str, traces: Sequence[TraceSummary]
) -> list[TraceSummary]:
    if not traces:
        return []
    parameters = {
        "project": project,
        "trace_ids": [trace.trace_id for trace in traces],
        "span_ids": [trace.root_span_id for trace in traces],
        "chars": _PREVIEW_CHARS,
    }
    rows = client.query(_PREVIEWS, parameters=parameters).result_rows
    previews = {trace_id: (input_ or None, output or None) for trace_id, input_, output in rows}
    return [_previewed(trace, *previews.get(trace.trace_id, (None, None))) for trace in traces]


def _previewed(trace: TraceSummary, input_: str | None, output: str | None) -> TraceSummary:
    return replace(trace, input_preview=input_, output_preview=output)


def get_trace(engine: Engine, project: str, trace_id: str) -> Trace | None:
    """One trace as a tree, or None when no span of it is stored.

    Spans that somebody renamed are shown under those names.

    At most :data:`MAX_TREE_SPANS` spans, the earliest; the summary counts all.
    """
    parameters = {"project": project, "trace_id": trace_id, "limit": MAX_TREE_SPANS}
    with engine.reader() as client:
        summaries = _summaries(client, project, [trace_id])
        if trace_id not in summaries:
            return None
        (summary,) = _with_previews(client, project, [summaries[trace_id]])
        result = client.query(_TREE, parameters=parameters)
        columns = dict(zip(result.column_names, map(list, result.result_columns), strict=True))
    names = display_names(engine, project, trace_id)
    spans = zip(columns["span_id"], columns["name"], strict=True)
    columns["name"] = [names.get(span_id, name) for span_id, name in spans]
    return _tree(project, summary, columns)


_TREE = """
SELECT
    span_id, parent_span_id, name, kind, status,
    toUnixTimestamp64Nano(start_time) AS start,
    toUnixTimestamp64Nano(end_time) AS end,
    input_tokens, output_tokens, total_tokens, model,
    toString(scope_name) AS scope, toString(provider) AS provider,
    attr_str['gen_ai.response.id'] AS response_id
FROM spans FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String}
ORDER BY start_time, parent_span_id != '', span_id
LIMIT 1 BY span_id
LIMIT {limit:UInt32}
"""


def _tree(project: str, summary: TraceSummary, columns: dict[str, list[Any]]) -> Trace:
    origin = summary.start_time_unix_nano
    places = {span_id: place for place, span_id in enumerate(columns["span_id"])}
    parents = columns["parent_span_id"]
    starts, ends = columns["start"], columns["end"]
    spans = SpanColumns(
        span_id=columns["span_id"],
        parent=[places.get(parent, -1) for parent in parents],
        name=columns["name"],
        kind=columns["kind"],
        status=columns["status"],
        start_us=[(start - origin) / 1e3 for start in starts],
        duration_us=[
            (end - start) / 1e3 if end else None for start, end in zip(starts, ends, strict=True)
        ],
        input_tokens=columns["input_tokens"],
        output_tokens=columns["output_tokens"],
        total_tokens=columns["total_tokens"],
        model=[model or None for model in columns["model"]],
    )
    missing = {
        span_id: parent
        for span_id, parent in zip(columns["span_id"], parents, strict=True)
        if parent and parent not in places
    }
    usages = _usages(columns)
    return Trace(
        **summary.__dict__,
        project=project,
        shown_span_count=len(starts),
        spans=spans,
        missing_parents=missing,
        duplicates={**wrapped_duplicates(usages), **duplicates(usages)},
    )


def _usages(columns: dict[str, list[Any]]) -> list[SpanUsage]:
    counts = map(Tokens, *(columns[name] for name in Tokens._fields))
    is_call = [kind in ("llm", "embedding") for kind in columns["kind"]]
    names = ("scope", "provider", "model", "response_id", "start", "end")
    ids = (columns["span_id"], columns["parent_span_id"])
    return list(map(SpanUsage, *ids, counts, is_call, *(columns[name] for name in names)))
