"""One span with everything that was sent: as plain JSON, and as OTLP/JSON without loss."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanloom_collector.storage.attributes import restored
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads.display_names import display_names
from spanloom_query.reads.feedback import Feedback, given_scores, list_feedback
from spanloom_query.reads.logs import LogRecord, SpanLogs, get_logs
from spanloom_query.reads.occurrences import Occurrence, Score, content_of, scores_of
from spanloom_query.reads.values import otlp_attributes, payload, plain

_SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True)
class Attributes:
    """Attributes of a resource or scope, and what goes with them."""

    attributes: dict[str, Any]
    dropped_attributes_count: int
    schema_url: str


@dataclass(frozen=True)
class Scope(Attributes):
    """The instrumentation scope."""

    name: str
    version: str


@dataclass(frozen=True)
class Event:
    """A span event."""

    name: str
    time: str
    time_unix_nano: int
    attributes: dict[str, Any]
    dropped_attributes_count: int


@dataclass(frozen=True)
class Link:
    """A span link."""

    trace_id: str
    span_id: str
    trace_state: str
    flags: int
    attributes: dict[str, Any]
    dropped_attributes_count: int


@dataclass(frozen=True)
class Span:
    """A span. ``kind`` says what the call is for, ``span_kind`` is OpenTelemetry's.

    ``input`` and ``output`` are the span's own, else those that its events and logs tell. ``logs``
    are the first of ``log_count``; ``scores`` are the results of evaluations among events and logs, and
    those that were given as feedback.
    """

    project: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    span_kind: str
    status: str
    status_message: str
    start_time: str
    start_time_unix_nano: int
    end_time: str | None
    end_time_unix_nano: int | None
    duration_ms: float | None
    received_time: str
    model: str | None
    request_model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    service_name: str
    environment: str
    session_id: str
    user_id: str
    evaluation_id: str | None
    input: Any
    output: Any
    attributes: dict[str, Any]
    resource: Attributes
    scope: Scope
    events: list[Event]
    links: list[Link]
    logs: list[LogRecord]
    log_count: int
    scores: list[Score]
    trace_state: str
    flags: int
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int
    display_name: str
    """The name that somebody gave to it, else ``name``."""
    feedback: list[Feedback]


# Maps of tagged values hold arbitrary bytes, which a text column cannot carry to the client.
_SPAN = """
SELECT
    * EXCEPT (start_time, end_time, received_time, attr_other, event_attr_other, link_attr_other,
              scope_attr_other, resource_attr_other),
    status,
    toUnixTimestamp64Nano(start_time) AS start,
    toUnixTimestamp64Nano(end_time) AS end,
    toUnixTimestamp64Nano(received_time) AS received,
    mapApply((k, v) -> (k, base64Encode(v)), attr_other) AS other,
    mapApply((k, v) -> (k, base64Encode(v)), scope_attr_other) AS scope_other,
    mapApply((k, v) -> (k, base64Encode(v)), resource_attr_other) AS resource_other,
    arrayMap(m -> mapApply((k, v) -> (k, base64Encode(v)), m), event_attr_other) AS event_other,
    arrayMap(m -> mapApply((k, v) -> (k, base64Encode(v)), m), link_attr_other) AS link_other
FROM spans FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
ORDER BY version DESC
LIMIT 1
"""

Row = dict[str, Any]


def get_span(engine: Engine, project: str, trace_id: str, span_id: str) -> Span | None:
    """One span, or None when it is not stored."""
    row = _row(engine, project, trace_id, span_id)
    if row is None:
        return None
    names = display_names(engine, project, trace_id, [span_id])
    feedback = list_feedback(engine, project, trace_id, span_id)
    logs = get_logs(engine, project, trace_id, span_id)
    return _span(row, names.get(span_id, row["name"]), logs, feedback)


def get_span_as_otlp(
    engine: Engine, project: str, trace_id: str, span_id: str
) -> dict[str, Any] | None:
    """One span as an OTLP/JSON ``ExportTraceServiceRequest``, or None when it is not stored.

    Sent to a collector again it is the same span: nothing is lost but the order of attributes.
    """
    row = _row(engine, project, trace_id, span_id)
    return None if row is None else _otlp_request(row)


def _row(engine: Engine, project: str, trace_id: str, span_id: str) -> Row | None:
    parameters = {"project": project, "trace_id": trace_id, "span_id": span_id}
    with engine.reader() as client:
        return next(iter(client.query(_SPAN, parameters=parameters).named_results()), None)


def _span(row: Row, display_name: str, logs: SpanLogs, feedback: list[Feedback]) -> Span:
    start, end = row["start"], row["end"]
    events = [Event(*event) for event in _events(row)]
    occurrences = _occurrences(events, logs.logs)
    content = content_of(occurrences)
    return Span(
        **{name: row[name] for name in _SAME},
        parent_span_id=row["parent_span_id"] or None,
        model=row["model"] or None,
        request_model=row["request_model"] or None,
        provider=row["provider"] or None,
        evaluation_id=row["evaluation_id"] or None,
        span_kind=_SPAN_KINDS[row["span_kind"]],
        start_time=rfc3339(start),
        start_time_unix_nano=start,
        end_time=rfc3339(end) if end else None,
        end_time_unix_nano=end or None,
        duration_ms=(end - start) / 1e6 if end else None,
        received_time=rfc3339(row["received"]),
        input=payload(row["input"]) if row["input"] else content.input,
        output=payload(row["output"]) if row["output"] else content.output,
        attributes=_plain(_own_attributes(row)),
        resource=Attributes(
            _plain(_attributes(row, "resource_attr_str", "resource_other")),
            row["resource_dropped"],
            row["resource_schema_url"],
        ),
        scope=Scope(
            _plain(_attributes(row, "scope_attr_str", "scope_other")),
            row["scope_dropped"],
            row["scope_schema_url"],
            row["scope_name"],
            row["scope_version"],
        ),
        events=events,
        links=[Link(*link) for link in _links(row)],
        logs=logs.logs,
        log_count=logs.log_count,
        scores=sorted(
            [*scores_of(occurrences), *given_scores(feedback)],
            key=lambda score: score.time_unix_nano,
        ),
        display_name=display_name,
        feedback=feedback,
    )


def _occurrences(events: list[Event], logs: list[LogRecord]) -> list[Occurrence]:
    occurrences = [
        *(Occurrence(event.name, event.time_unix_nano, event.attributes) for event in events),
        *(Occurrence(log.event_name, log.time_unix_nano, log.attributes, log.body) for log in logs),
    ]
    return sorted(occurrences, key=lambda occurrence: occurrence.time_unix_nano)


_SAME = (
    "project", "trace_id", "span_id", "name", "kind", "status", "status_message", "input_tokens",
    "output_tokens", "total_tokens", "service_name", "environment", "session_id", "user_id",
    "trace_state", "flags", "dropped_attributes_count", "dropped_events_count",
    "dropped_links_count",
)  # fmt: skip


def _events(row: Row) -> list[tuple[str, str, int, dict[str, Any], int]]:
    return [
        (name, rfc3339(time), time, _plain(_restored(strings, other)), dropped)
        for name, time, strings, other, dropped in _event_columns(row)
    ]


def _event_columns(row: Row) -> Iterator[tuple[str, int, dict[str, str], dict[str, str], int]]:
    names = ("event_name", "event_time_unix_nano", "event_attr_str", "event_other", "event_dropped")
    return zip(*(row[name] for name in names), strict=True)


def _links(row: Row) -> list[tuple[str, str, str, int, dict[str, Any], int]]:
    return [
        (trace_id, span_id, state, flags, _plain(_restored(strings, other)), dropped)
        for trace_id, span_id, state, flags, strings, other, dropped in _link_columns(row)
    ]


def _link_columns(
    row: Row,
) -> Iterator[tuple[str, str, str, int, dict[str, str], dict[str, str], int]]:
    names = (
        "link_trace_id", "link_span_id", "link_trace_state", "link_flags", "link_attr_str",
        "link_other", "link_dropped",
    )  # fmt: skip
    return zip(*(row[name] for name in names), strict=True)


def restored_attributes(row: Row) -> dict[str, Any]:
    """A row's own attributes as plain JSON; the row has the typed maps and ``other`` in base64."""
    return _plain(_typed_attributes(row, dict(row["attr_str"])))


def _own_attributes(row: Row) -> dict[str, AnyValue]:
    strings = dict(row["attr_str"])
    for column in ("input", "output"):  # payloads were moved out of the attributes
        if row[f"{column}_key"]:
            strings[row[f"{column}_key"]] = row[column]
    return _typed_attributes(row, strings)


def _typed_attributes(row: Row, strings: dict[str, str]) -> dict[str, AnyValue]:
    other = {key: base64.b64decode(value) for key, value in row["other"].items()}
    return restored(strings, other, row["attr_int"], row["attr_float"], row["attr_bool"])


def _attributes(row: Row, strings: str, other: str) -> dict[str, AnyValue]:
    return _restored(row[strings], row[other])


def _restored(strings: dict[str, str], other: dict[str, str]) -> dict[str, AnyValue]:
    return restored(strings, {key: base64.b64decode(value) for key, value in other.items()})


def _plain(attributes: dict[str, AnyValue]) -> dict[str, Any]:
    return {key: plain(value) for key, value in attributes.items()}


def _otlp_request(row: Row) -> dict[str, Any]:
    scope = {
        "name": row["scope_name"],
        "version": row["scope_version"],
        "attributes": otlp_attributes(_attributes(row, "scope_attr_str", "scope_other")),
        "droppedAttributesCount": row["scope_dropped"],
    }
    resource = {
        "attributes": otlp_attributes(_attributes(row, "resource_attr_str", "resource_other")),
        "droppedAttributesCount": row["resource_dropped"],
    }
    spans = {"scope": scope, "schemaUrl": row["scope_schema_url"], "spans": [_otlp_span(row)]}
    return {
        "resourceSpans": [
            {
                "resource": resource,
                "schemaUrl": row["resource_schema_url"],
                "scopeSpans": [spans],
            }
        ]
    }


def _otlp_span(row: Row) -> dict[str, Any]:
    return {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "parentSpanId": row["parent_span_id"],
        "traceState": row["trace_state"],
        "flags": row["flags"],
        "name": row["name"],
        "kind": row["span_kind"],
        "startTimeUnixNano": str(row["start"]),
        "endTimeUnixNano": str(row["end"]),
        "attributes": otlp_attributes(_own_attributes(row)),
        "droppedAttributesCount": row["dropped_attributes_count"],
        "events": [_otlp_event(*event) for event in _event_columns(row)],
        "droppedEventsCount": row["dropped_events_count"],
        "links": [_otlp_link(*link) for link in _link_columns(row)],
        "droppedLinksCount": row["dropped_links_count"],
        "status": {"code": row["status_code"], "message": row["status_message"]},
    }


def _otlp_event(
    name: str, time: int, strings: dict[str, str], other: dict[str, str], dropped: int
) -> dict[str, Any]:
    return {
        "name": name,
        "timeUnixNano": str(time),
        "attributes": otlp_attributes(_restored(strings, other)),
        "droppedAttributesCount": dropped,
    }


def _otlp_link(
    trace_id: str,
    span_id: str,
    trace_state: str,
    flags: int,
    strings: dict[str, str],
    other: dict[str, str],
    dropped: int,
) -> dict[str, Any]:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "traceState": trace_state,
        "flags": flags,
        "attributes": otlp_attributes(_restored(strings, other)),
        "droppedAttributesCount": dropped,
    }
