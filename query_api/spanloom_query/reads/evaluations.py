"""Evaluations, rebuilt from their spans: lists, one with its scores, its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from spanloom import conventions
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads import cursors
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.scores import (
    LatencySummary,
    ScoreSummary,
    latency_summary,
    score_summaries,
)
from spanloom_query.reads.spans import restored_attributes
from spanloom_query.reads.usage import NO_TOKENS, Tokens, subtree_tokens
from spanloom_query.reads.usage_totals import SPAN_USAGE, leaf_tokens, span_usage
from spanloom_query.reads.values import payload


@dataclass(frozen=True)
class DatasetInfo:
    """What was evaluated on."""

    name: str
    digest: str
    row_count: int | None


@dataclass(frozen=True)
class ModelInfo:
    """What was evaluated."""

    name: str
    digest: str
    parameters: Any


@dataclass(frozen=True)
class Evaluation:
    """One run of an evaluation.

    ``summary`` is what the SDK computed at the end; ``scores`` and ``latency_ms`` are computed
    here from the rows, also while it runs.
    """

    evaluation_id: str
    trace_id: str
    span_id: str
    name: str
    display_name: str
    status: str
    status_message: str
    start_time: str
    start_time_unix_nano: int
    end_time: str | None
    duration_ms: float | None
    dataset: DatasetInfo
    model: ModelInfo
    scorers: list[str]
    trials: int
    row_count: int
    error_count: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    summary: Any
    scores: list[ScoreSummary]
    latency_ms: LatencySummary | None
    attributes: dict[str, Any]


@dataclass(frozen=True)
class EvaluationPage:
    """A page of evaluations."""

    evaluations: list[Evaluation]
    next_cursor: str | None


@dataclass(frozen=True)
class EvaluationRow:
    """One prediction: an example, what the model made of it, how that was scored."""

    index: int
    trial: int
    example_digest: str
    trace_id: str
    span_id: str
    status: str
    inputs: Any
    output: Any
    scores: dict[str, Any]
    errors: dict[str, str]
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None


@dataclass(frozen=True)
class EvaluationRowPage:
    """A page of predictions, in the order of the dataset."""

    rows: list[EvaluationRow]
    total: int
    next_cursor: str | None


class _Predictions(NamedTuple):
    """What the predictions of one evaluation add up to."""

    scores: list[dict[str, Any]]
    latencies_ms: list[float]
    error_count: int


_NO_PREDICTIONS = _Predictions([], [], 0)


def list_evaluations(
    engine: Engine, project: str, limit: int, cursor_text: str | None
) -> EvaluationPage:
    """A page of a project's evaluations, the newest first.

    Raises:
        CursorError: the cursor is damaged.
    """
    cursor = cursors.decoded(cursor_text, int) or Cursor(2**63 - 1, "")
    parameters = {"start": cursor.value, "span_id": cursor.id, "limit": limit + 1}
    with engine.reader() as client:
        found = _roots(client, _LIST, {"project": project, **parameters})
        evaluations = _evaluations(client, project, found[:limit])
    last = found[:limit][-1] if len(found) > limit else None
    next_cursor = Cursor(last["start"], last["span_id"]) if last else None
    return EvaluationPage(evaluations, cursors.encoded(next_cursor) if next_cursor else None)


def get_evaluation(engine: Engine, project: str, evaluation_id: str) -> Evaluation | None:
    """One evaluation, or None when its root span is not stored."""
    parameters = {"project": project, "evaluation_id": evaluation_id}
    with engine.reader() as client:
        roots = _roots(client, _ONE, parameters)
        return next(iter(_evaluations(client, project, roots)), None)


def _roots(client: Client, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return list(client.query(sql, parameters=parameters).named_results())


_ROOT_COLUMNS = """
SELECT
    span_id, trace_id, name, status, status_message, output,
    toUnixTimestamp64Nano(start_time) AS start,
    toUnixTimestamp64Nano(end_time) AS end,
    attr_str, attr_int, attr_float, attr_bool,
    mapApply((k, v) -> (k, base64Encode(v)), attr_other) AS other
FROM spans FINAL
WHERE project = {project:String} AND kind = 'evaluation'
"""

_LIST = (
    _ROOT_COLUMNS
    + """
  AND (toUnixTimestamp64Nano(start_time), span_id) < ({start:Int64}, {span_id:String})
ORDER BY start DESC, span_id DESC
LIMIT {limit:UInt32}
"""
)

_ONE = _ROOT_COLUMNS + " AND evaluation_id = {evaluation_id:String} LIMIT 1"


def _evaluations(client: Client, project: str, roots: Sequence[dict[str, Any]]) -> list[Evaluation]:
    if not roots:
        return []
    ids = [root["span_id"] for root in roots]
    start = min(root["start"] for root in roots)
    predictions = _predictions(client, {"project": project, "evaluation_ids": ids, "start": start})
    tokens = leaf_tokens(client, project, "evaluation_id", ids, start)
    return [
        _evaluation(
            root,
            predictions.get(root["span_id"], _NO_PREDICTIONS),
            tokens.get(root["span_id"], NO_TOKENS),
        )
        for root in roots
    ]


_PREDICTIONS = """
SELECT
    evaluation_id,
    JSONExtractRaw(output, 'scores'),
    JSONExtract(output, 'model_latency', 'Nullable(Float64)'),
    JSONHas(output, 'errors') OR status_code = 2
FROM spans FINAL
WHERE project = {project:String}
  AND evaluation_id IN {evaluation_ids:Array(String)}
  AND kind = 'prediction'
  AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
ORDER BY evaluation_id, attr_int['spanloom.example.index'], attr_int['spanloom.trial.index']
"""


def _predictions(client: Client, parameters: dict[str, Any]) -> dict[str, _Predictions]:
    found: dict[str, _Predictions] = {}
    rows = client.query(_PREDICTIONS, parameters=parameters).result_rows
    for evaluation_id, scores, latency_s, failed in rows:
        known = found.get(evaluation_id) or _Predictions([], [], 0)
        known.scores.append(_object(payload(scores)))
        if latency_s is not None:
            known.latencies_ms.append(latency_s * 1e3)
        found[evaluation_id] = known._replace(error_count=known.error_count + bool(failed))
    return found


def _evaluation(root: dict[str, Any], predictions: _Predictions, tokens: Tokens) -> Evaluation:
    start, end = root["start"], root["end"]
    attributes = restored_attributes(root)
    return Evaluation(
        evaluation_id=root["span_id"],
        trace_id=root["trace_id"],
        span_id=root["span_id"],
        name=str(attributes.get(conventions.EVALUATION_NAME) or root["name"]),
        display_name=str(attributes.get(conventions.EVALUATION_DISPLAY_NAME) or root["name"]),
        status=root["status"],
        status_message=root["status_message"],
        start_time=rfc3339(start),
        start_time_unix_nano=start,
        end_time=rfc3339(end) if end else None,
        duration_ms=(end - start) / 1e6 if end else None,
        dataset=_dataset(attributes),
        model=_model(attributes),
        scorers=_texts(attributes.get(conventions.SCORER_NAMES)),
        trials=_whole(attributes.get(conventions.EVALUATION_TRIALS)) or 1,
        row_count=len(predictions.scores),
        error_count=predictions.error_count,
        **tokens._asdict(),
        summary=payload(root["output"]),
        scores=score_summaries(predictions.scores),
        latency_ms=latency_summary(predictions.latencies_ms),
        attributes=attributes,
    )


def _dataset(attributes: dict[str, Any]) -> DatasetInfo:
    return DatasetInfo(
        name=str(attributes.get(conventions.DATASET_NAME, "")),
        digest=str(attributes.get(conventions.DATASET_DIGEST, "")),
        row_count=_whole(attributes.get(conventions.DATASET_ROW_COUNT)),
    )


def _model(attributes: dict[str, Any]) -> ModelInfo:
    return ModelInfo(
        name=str(attributes.get(conventions.MODEL_NAME, "")),
        digest=str(attributes.get(conventions.MODEL_DIGEST, "")),
        parameters=payload(str(attributes.get(conventions.MODEL_PARAMETERS, ""))),
    )


# Other clients may send these attributes too, in any shape.


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_rows(
    engine: Engine, project: str, evaluation_id: str, limit: int, cursor_text: str | None
) -> EvaluationRowPage | None:
    """A page of an evaluation's predictions, or None when there is no such evaluation.

    Raises:
        CursorError: the cursor is damaged.
    """
    cursor = cursors.decoded(cursor_text, int) or Cursor(-1, "")
    parameters = {"project": project, "evaluation_id": evaluation_id}
    with engine.reader() as client:
        roots = _roots(client, _ONE, parameters)
        if not roots:
            return None
        parameters |= {"start": roots[0]["start"]}
        total = client.query(_ROW_COUNT, parameters=parameters).result_rows[0][0]
        place = {"index": cursor.value, "place": cursor.id, "limit": limit + 1}
        found = list(client.query(_ROWS, parameters=parameters | place).named_results())
        tokens = _row_tokens(client, parameters, found[:limit])
    rows = [_evaluation_row(row, tokens.get(row["span_id"], NO_TOKENS)) for row in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = cursors.encoded(Cursor(last["index"], last["place"])) if last else None
    return EvaluationRowPage(rows, total, next_cursor)


_ROW_COUNT = """
SELECT count() FROM spans FINAL
WHERE project = {project:String} AND evaluation_id = {evaluation_id:String}
  AND kind = 'prediction' AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
"""

_ROWS = """
SELECT
    attr_int['spanloom.example.index'] AS index,
    attr_int['spanloom.trial.index'] AS trial,
    concat(leftPad(toString(trial), 9, '0'), '-', span_id) AS place,
    example_digest, trace_id, span_id, status, status_message, input, output,
    toUnixTimestamp64Nano(start_time) AS start_ns,
    toUnixTimestamp64Nano(end_time) AS end_ns
FROM spans FINAL
WHERE project = {project:String} AND evaluation_id = {evaluation_id:String}
  AND kind = 'prediction' AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
  AND (index, place) > ({index:Int64}, {place:String})
ORDER BY index, place
LIMIT {limit:UInt32}
"""

_ROW_USAGE = (
    SPAN_USAGE
    + """
  AND group_id IN {trace_ids:Array(String)}
  AND start_time >= fromUnixTimestamp64Nano({low:Int64}, 'UTC')
  AND start_time <= fromUnixTimestamp64Nano({high:Int64}, 'UTC')
"""
)


def _row_tokens(
    client: Client, parameters: dict[str, Any], rows: Sequence[dict[str, Any]]
) -> Mapping[str, Tokens]:
    if not rows:
        return {}
    bounds = {
        "project": parameters["project"],
        "group": "trace_id",
        "trace_ids": list({row["trace_id"] for row in rows}),
        "low": min(row["start_ns"] for row in rows),
        "high": max(max(row["start_ns"], row["end_ns"]) for row in rows),
    }
    found = client.query(_ROW_USAGE, parameters=bounds).result_rows
    return subtree_tokens([span_usage(row) for row in found])


def _evaluation_row(row: dict[str, Any], tokens: Tokens) -> EvaluationRow:
    output = _object(payload(row["output"]))
    errors = _object(output.get(conventions.PREDICTION_ERRORS))
    if row["status"] == "error" and not errors:
        errors = {"prediction": row["status_message"]}
    return EvaluationRow(
        **{name: row[name] for name in _SAME},
        inputs=_object(payload(row["input"])).get(conventions.PREDICTION_EXAMPLE),
        output=output.get(conventions.PREDICTION_OUTPUT),
        scores=_object(output.get(conventions.PREDICTION_SCORES)),
        errors={who: str(text) for who, text in errors.items()},
        latency_ms=_milliseconds(output.get(conventions.PREDICTION_MODEL_LATENCY)),
        **tokens._asdict(),
    )


_SAME = ("index", "trial", "example_digest", "trace_id", "span_id", "status")


def _milliseconds(seconds: Any) -> float | None:
    return seconds * 1e3 if isinstance(seconds, int | float) else None
