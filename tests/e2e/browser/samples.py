"""Traces and evaluations for the page to show, sent as any OpenTelemetry client would."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanloom import conventions as names
from tests.support.otlp import attributes, log_record, logs_request, request, span
from tests.support.server import Server

_SECOND_NS = 1_000_000_000
_BATCH_SPANS = 5_000
_STORED_TIMEOUT_S = 60
_OK = Status(code=Status.STATUS_CODE_OK)

QUESTION = "What is the capital of France?"
ANSWER = "Paris, since 987."


@dataclass(frozen=True)
class SampleTrace:
    """A stored trace and the spans that tests look for."""

    project: str
    trace_id: str
    root: str
    llm: str
    failed: str
    orphan: str

    @property
    def path(self) -> str:
        """Its page."""
        return f"/p/{quote(self.project, safe='')}/traces/{self.trace_id}"


def agent_trace(server: Server, project: str) -> SampleTrace:
    """An agent that plans, asks a model and fails at a tool; and a span whose parent is lost."""
    made = _Spans(start_ns=time.time_ns() - 10 * _SECOND_NS)
    root = made.add("answer_question", "agent", 0, 4000, io=({"question": QUESTION}, ANSWER))
    plan = made.add("plan", "chain", 10, 1000, root, io=({"question": QUESTION}, ["look it up"]))
    llm = made.add("chat gpt-5", "llm", 20, 900, plan, io=(_REQUEST, _REPLY), attrs=_USAGE)
    failed = made.add("search", "tool", 1100, 300, root, error="peer closed the connection")
    orphan = made.add("late_callback", "span", 3000, 200, os.urandom(8))
    _send(server, project, made.spans)
    ids = (each.span_id.hex() for each in (root, llm, failed, orphan))
    trace = SampleTrace(project, made.trace_id.hex(), *ids)
    _wait_for(server, trace.project, trace.trace_id, len(made.spans))
    return trace


def told_trace(server: Server, project: str) -> SampleTrace:
    """A model's call whose messages and score come as log records, after it."""
    made = _Spans(start_ns=time.time_ns() - _SECOND_NS)
    call = made.add("chat gpt-5", "llm", 0, 900)
    _send(server, project, made.spans)
    details = {
        "gen_ai.input.messages": [_said("user", QUESTION)],
        "gen_ai.output.messages": [_said("assistant", ANSWER)],
    }
    score = {
        names.GEN_AI_EVALUATION_NAME: "relevance",
        names.GEN_AI_EVALUATION_SCORE_VALUE: 0.75,
        names.GEN_AI_EVALUATION_SCORE_LABEL: "relevant",
        names.GEN_AI_EVALUATION_EXPLANATION: "It names the capital.",
    }
    sent = logs_request(
        log_record(call, names.GEN_AI_DETAILS_EVENT, attrs=details),
        log_record(call, names.GEN_AI_EVALUATION_EVENT, attrs=score, severity_text="INFO"),
    )
    headers = {"content-type": "application/x-protobuf", "x-spanloom-project": project}
    body = sent.SerializeToString()
    assert server.request("POST", "/v1/logs", body=body, headers=headers).status == 200
    trace = SampleTrace(project, made.trace_id.hex(), *[call.span_id.hex()] * 4)
    _wait_for(server, trace.project, trace.trace_id, len(made.spans))
    return trace


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


_REQUEST = {
    "model": "gpt-5",
    "messages": [
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": QUESTION},
    ],
}
_REPLY = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}}]}
_USAGE = {
    names.GEN_AI_PROVIDER_NAME: "openai",
    names.GEN_AI_REQUEST_MODEL: "gpt-5",
    names.GEN_AI_USAGE_INPUT_TOKENS: 1200,
    names.GEN_AI_USAGE_OUTPUT_TOKENS: 34,
}


def wide_trace(server: Server, project: str, span_count: int) -> str:
    """A trace with this many spans, three levels deep.

    Returns:
        Its id.
    """
    made = _Spans(start_ns=time.time_ns() - 120 * _SECOND_NS)
    root = made.add("crawl", "agent", 0, span_count)
    step = root
    for number in range(1, span_count):
        is_step = number % 30 == 1
        parent, name, kind = (root, "page", "chain") if is_step else (step, "fetch", "tool")
        added = made.add(f"{name} {number}", kind, number, 20, parent)
        step = added if is_step else step
    _send(server, project, made.spans)
    _wait_for(server, project, made.trace_id.hex(), span_count)
    return made.trace_id.hex()


@dataclass(frozen=True)
class SampleEvaluation:
    """A stored evaluation."""

    project: str
    evaluation_id: str
    trace_id: str
    predictions: Sequence[str]

    @property
    def path(self) -> str:
        """Its page."""
        return f"/p/{quote(self.project, safe='')}/evaluations/{self.evaluation_id}"


_CAPITALS = (("France", "Paris"), ("Japan", "Tokyo"), ("Australia", "Sydney"), ("Peru", "Lima"))


def evaluation(server: Server, project: str, row_count: int = 40) -> SampleEvaluation:
    """A finished evaluation: every fourth answer is wrong, the last row's model failed."""
    made = _Spans(start_ns=time.time_ns() - 60 * _SECOND_NS)
    root = made.add("Evaluation.evaluate", "evaluation", 0, 50_000, io=(None, _SUMMARY))
    root.attributes.extend(attributes(_evaluation_attributes(root, row_count)))
    predictions = [_prediction(made, root, index, row_count) for index in range(row_count)]
    _send(server, project, made.spans)
    _wait_for(server, project, made.trace_id.hex(), len(made.spans))
    ids = [each.span_id.hex() for each in predictions]
    return SampleEvaluation(project, root.span_id.hex(), made.trace_id.hex(), ids)


_SUMMARY = {"exact_match": {"correct": {"true_count": 29, "true_fraction": 29 / 39}}}


def _evaluation_attributes(root: Span, row_count: int) -> dict[str, Any]:
    return {
        names.EVALUATION_ID: root.span_id.hex(),
        names.EVALUATION_NAME: "geography",
        names.EVALUATION_DISPLAY_NAME: "nightly",
        names.EVALUATION_TRIALS: 1,
        names.DATASET_NAME: "capitals",
        names.DATASET_DIGEST: "d" * 64,
        names.DATASET_ROW_COUNT: row_count,
        names.MODEL_NAME: "AtlasModel",
        names.MODEL_DIGEST: "a" * 64,
        names.MODEL_PARAMETERS: json.dumps({"model_name": "gpt-5", "temperature": 0.2}),
        names.SCORER_NAMES: ["exact_match", "brevity"],
    }


def _prediction(made: "_Spans", root: Span, index: int, row_count: int) -> Span:
    country, answer = _CAPITALS[index % len(_CAPITALS)]
    expected = "Canberra" if country == "Australia" else answer
    output: dict[str, Any] = {"output": answer, "model_latency": 0.5 + index / 100}
    output["scores"] = {"exact_match": {"correct": answer == expected}, "brevity": 1 / (1 + index)}
    if index == row_count - 1:
        output |= {"output": None, "scores": {}, "errors": {"model": "TimeoutError: too slow"}}
    example = {"question": f"What is the capital of {country}?", "expected": expected}
    io = ({names.PREDICTION_EXAMPLE: example}, output)
    prediction = made.add("predict_and_score", "prediction", index * 1000, 900, root, io=io)
    prediction.attributes.extend(
        attributes(
            {
                names.EVALUATION_ID: root.span_id.hex(),
                names.EXAMPLE_INDEX: index,
                names.TRIAL_INDEX: 0,
                names.EXAMPLE_DIGEST: f"{index % len(_CAPITALS):064x}",
            }
        )
    )
    belongs = {names.EVALUATION_ID: root.span_id.hex()}
    made.add("chat gpt-5", "llm", index * 1000 + 10, 500, prediction, attrs=_USAGE | belongs)
    return prediction


class _Spans:
    """The spans of one trace, placed in milliseconds from its start."""

    def __init__(self, start_ns: int) -> None:
        self.trace_id = os.urandom(16)
        self.spans: list[Span] = []
        self._start_ns = start_ns

    def add(
        self,
        name: str,
        kind: str,
        start_ms: float,
        duration_ms: float,
        parent: Span | bytes | None = None,
        *,
        io: tuple[Any, Any] | None = None,
        attrs: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> Span:
        start = self._start_ns + round(start_ms * 1e6)
        added = span(
            name,
            trace_id=self.trace_id,
            parent_span_id=parent.span_id if isinstance(parent, Span) else parent or b"",
            start_time_unix_nano=start,
            end_time_unix_nano=start + round(duration_ms * 1e6),
            attrs={names.OP_KIND: kind, **(attrs or {}), **(_payloads(*io) if io else {})},
            status=Status(code=Status.STATUS_CODE_ERROR, message=error) if error else _OK,
            events=[_exception(error, start)] if error else [],
        )
        self.spans.append(added)
        return added


def _payloads(input_: Any, output: Any) -> dict[str, str]:
    payloads = {
        names.INPUT_VALUE: json.dumps(input_),
        names.INPUT_MIME_TYPE: names.JSON_MIME_TYPE,
        names.OUTPUT_VALUE: json.dumps(output),
        names.OUTPUT_MIME_TYPE: names.JSON_MIME_TYPE,
    }
    return payloads if input_ is not None else dict(list(payloads.items())[2:])


def _exception(message: str, time_unix_nano: int) -> Span.Event:
    values = {
        names.EXCEPTION_TYPE: "ConnectionError",
        names.EXCEPTION_MESSAGE: message,
        names.EXCEPTION_STACKTRACE: f"Traceback (most recent call last):\nConnectionError: {message}",
    }
    return Span.Event(
        name=names.EXCEPTION_EVENT, time_unix_nano=time_unix_nano, attributes=attributes(values)
    )


def _send(server: Server, project: str, spans: Sequence[Span]) -> None:
    resource = {names.SERVICE_NAME: "browser-test", names.DEPLOYMENT_ENVIRONMENT: "test"}
    for start in range(0, len(spans), _BATCH_SPANS):
        body = request(*spans[start : start + _BATCH_SPANS], resource=resource)
        assert server.export(body.SerializeToString(), project).status == 200


def _wait_for(server: Server, project: str, trace_id: str, span_count: int) -> None:
    """Wait until all spans can be read: they are acknowledged a moment before."""
    path = f"/api/v1/projects/{quote(project, safe='')}/traces/{trace_id}"
    deadline = time.monotonic() + _STORED_TIMEOUT_S
    while True:
        answer = server.request("GET", path)
        if answer.status == 200 and answer.json["span_count"] == span_count:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{path} did not reach {span_count} spans: {answer.body[:300]!r}")
        time.sleep(0.05)
