"""Evaluations are rebuilt from spans alone, whoever sent them."""

import json
import os
import time
import uuid
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom import conventions as c
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import insert_spans
from spanloom_query.reads.evaluations import (
    DatasetInfo,
    Evaluation,
    ModelInfo,
    get_evaluation,
    list_evaluations,
    list_rows,
)
from spanloom_query.reads.scores import LatencySummary
from tests.support.otlp import request, span

_NOW = 1_790_000_000 * 10**9


class _Recorder:
    """Spans of one evaluation, as an SDK sends them."""

    def __init__(self, start: int = _NOW) -> None:
        self.trace_id = os.urandom(16)
        self.root_id = os.urandom(8)
        self.start = start
        self.spans: list[Span] = []

    @property
    def id(self) -> str:
        return self.root_id.hex()

    def root(self, output: Any = None, **fields: Any) -> None:
        attrs = {
            c.OP_KIND: "evaluation",
            c.EVALUATION_NAME: "capitals-evaluation",
            c.EVALUATION_DISPLAY_NAME: "eval-1",
            c.DATASET_NAME: "capitals",
            c.DATASET_DIGEST: "d" * 64,
            c.DATASET_ROW_COUNT: 2,
            c.MODEL_NAME: "ChatModel",
            c.MODEL_DIGEST: "m" * 64,
            c.MODEL_PARAMETERS: '{"model_name": "v1"}',
            c.SCORER_NAMES: ["exact"],
            c.EVALUATION_TRIALS: 1,
        }
        if output is not None:
            attrs[c.OUTPUT_VALUE] = json.dumps(output)
        self._add("Evaluation.evaluate", attrs, span_id=self.root_id, **fields)

    def prediction(self, index: int, output: Any, trial: int = 0, **fields: Any) -> bytes:
        attrs = {
            c.OP_KIND: "prediction",
            c.EXAMPLE_INDEX: index,
            c.TRIAL_INDEX: trial,
            c.EXAMPLE_DIGEST: f"{index:064}",
            c.INPUT_VALUE: json.dumps({"example": {"input": f"q{index}"}}),
            c.OUTPUT_VALUE: json.dumps(output),
        }
        return self._add("predict_and_score", attrs, parent_span_id=self.root_id, **fields)

    def call(self, parent: bytes, tokens: int) -> None:
        attrs = {c.OP_KIND: "llm", c.GEN_AI_USAGE_INPUT_TOKENS: tokens}
        self._add("call", attrs, parent_span_id=parent)

    def _add(self, name: str, attrs: dict[str, Any], **fields: Any) -> bytes:
        times = {
            "start_time_unix_nano": self.start + len(self.spans),
            "end_time_unix_nano": self.start + 10**9,
        }
        attrs = {c.EVALUATION_ID: self.id, **attrs}
        made = span(name, attrs=attrs, trace_id=self.trace_id, **(times | fields))
        self.spans.append(made)
        return made.span_id

    def store(self, engine: Engine, project: str) -> None:
        rows = list(rows_of(request(*self.spans), project, time.time_ns()))
        with engine.writer() as client:
            insert_spans(client, rows, uuid.uuid4().hex)


def _answer(output: Any, correct: bool | None, latency_s: float = 0.5) -> dict[str, Any]:
    scores = {} if correct is None else {"exact": {"correct": correct}}
    return {"output": output, "scores": scores, "model_latency": latency_s}


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


def _got(engine: Engine, project: str, evaluation_id: str) -> Evaluation:
    found = get_evaluation(engine, project, evaluation_id)
    assert found is not None
    return found


def test_an_evaluation_is_what_its_spans_say(embedded_engine: Engine, project: str) -> None:
    summary = {"exact": {"correct": {"true_count": 1, "true_fraction": 0.5}}}
    recorder = _Recorder()
    recorder.root(summary)
    for index, correct in enumerate((True, False)):
        prediction = recorder.prediction(index, _answer("Paris", correct, 0.5 + index))
        recorder.call(prediction, tokens=5)
    recorder.store(embedded_engine, project)
    found = _got(embedded_engine, project, recorder.id)

    assert (found.name, found.display_name, found.status) == (
        "capitals-evaluation",
        "eval-1",
        "unset",
    )
    assert found.dataset == DatasetInfo("capitals", "d" * 64, 2)
    assert found.model == ModelInfo("ChatModel", "m" * 64, {"model_name": "v1"})
    assert (found.scorers, found.trials, found.summary) == (["exact"], 1, summary)
    assert (found.row_count, found.error_count, found.input_tokens) == (2, 0, 10)
    assert [(score.path, score.true_count, score.mean) for score in found.scores] == [
        ("exact.correct", 1, 0.5)
    ]
    assert found.latency_ms == LatencySummary(1_000.0, 1_000.0, 1_450.0)
    assert list_evaluations(embedded_engine, project, 10, None).evaluations == [found]


def test_a_running_evaluation_shows_what_it_has(embedded_engine: Engine, project: str) -> None:
    recorder = _Recorder()
    recorder.root(end_time_unix_nano=0)
    recorder.prediction(0, _answer("x", correct=True))
    recorder.store(embedded_engine, project)
    found = _got(embedded_engine, project, recorder.id)

    assert (found.status, found.summary, found.end_time) == ("running", None, None)
    assert (found.row_count, found.scores[0].mean) == (1, 1.0)


def test_rows_are_in_the_order_of_the_dataset(embedded_engine: Engine, project: str) -> None:
    recorder = _Recorder()
    recorder.root({})
    places = [(2, 0), (0, 1), (10, 0), (1, 0), (0, 0), (0, 10), (0, 9)]
    for index, trial in places:
        recorder.prediction(index, _answer("x", correct=True), trial)
    recorder.store(embedded_engine, project)

    seen: list[tuple[int, int]] = []
    cursor: str | None = None
    while True:
        page = list_rows(embedded_engine, project, recorder.id, 3, cursor)
        assert page is not None
        assert page.total == len(places)
        seen += [(row.index, row.trial) for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(places)


def test_a_row_links_to_its_span_and_counts_its_tokens(
    embedded_engine: Engine, project: str
) -> None:
    recorder = _Recorder()
    recorder.root({})
    prediction = recorder.prediction(0, _answer({"city": "Paris"}, correct=None))
    recorder.call(prediction, tokens=5)
    recorder.call(prediction, tokens=6)
    recorder.store(embedded_engine, project)
    page = list_rows(embedded_engine, project, recorder.id, 10, None)

    assert page is not None
    (row,) = page.rows
    assert (row.trace_id, row.span_id) == (recorder.trace_id.hex(), prediction.hex())
    assert (row.inputs, row.output, row.scores) == ({"input": "q0"}, {"city": "Paris"}, {})
    assert (row.input_tokens, row.latency_ms, row.errors) == (11, 500.0, {})


@pytest.mark.parametrize(
    ("output", "status", "errors"),
    [
        ({"output": None, "scores": {}, "errors": {"model": "boom"}}, {}, {"model": "boom"}),
        ({}, {"code": 2, "message": "died"}, {"prediction": "died"}),
    ],
    ids=["recorded", "died"],
)
def test_a_failed_row_says_why(
    embedded_engine: Engine,
    project: str,
    output: dict[str, Any],
    status: dict[str, Any],
    errors: dict[str, str],
) -> None:
    recorder = _Recorder()
    recorder.root({})
    recorder.prediction(0, output, status=status)
    recorder.store(embedded_engine, project)
    page = list_rows(embedded_engine, project, recorder.id, 10, None)

    assert page is not None
    assert page.rows[0].errors == errors
    assert _got(embedded_engine, project, recorder.id).error_count == 1


def test_pages_hold_every_evaluation_once_newest_first(
    embedded_engine: Engine, project: str
) -> None:
    recorders = [_Recorder(_NOW + i // 2) for i in range(5)]
    for recorder in recorders:
        recorder.root({})
        recorder.store(embedded_engine, project)

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = list_evaluations(embedded_engine, project, 2, cursor)
        seen += [item.evaluation_id for item in page.evaluations]
        cursor = page.next_cursor
        if cursor is None:
            break
    expected = sorted(((r.start, r.id) for r in recorders), reverse=True)
    assert seen == [id_ for _, id_ in expected]


def test_attributes_of_unexpected_types_break_nothing(
    embedded_engine: Engine, project: str
) -> None:
    recorder = _Recorder()
    attrs = {
        c.OP_KIND: "evaluation",
        c.DATASET_NAME: 5,
        c.DATASET_ROW_COUNT: "many",
        c.SCORER_NAMES: "exact",
        c.MODEL_PARAMETERS: "{",
        c.OUTPUT_VALUE: "no json",
    }
    recorder._add("odd", attrs, span_id=recorder.root_id)
    recorder.prediction(0, ["no", "object"])
    recorder.store(embedded_engine, project)
    found = _got(embedded_engine, project, recorder.id)
    page = list_rows(embedded_engine, project, recorder.id, 10, None)

    assert found.dataset == DatasetInfo("5", "", None)
    assert (found.scorers, found.model.parameters, found.summary) == ([], "{", "no json")
    assert page is not None
    assert (page.rows[0].scores, page.rows[0].output) == ({}, None)


def test_what_does_not_exist_is_none(embedded_engine: Engine, project: str) -> None:
    assert get_evaluation(embedded_engine, project, "0" * 16) is None
    assert list_rows(embedded_engine, project, "0" * 16, 10, None) is None
    assert list_evaluations(embedded_engine, project, 10, None).evaluations == []
