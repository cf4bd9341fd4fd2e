import asyncio
import functools
import io
import json
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest

import spanloom
from spanloom import conventions
from spanloom._evals.dataset import digest_of_rows, example_digest
from spanloom._evals.progress import Progress
from spanloom._settings import Settings
from spanloom.testing import CapturedCall, CapturedCalls, captured_calls

ROWS = [
    {"question": "Capital of France?", "expected": "Paris"},
    {"question": "2+2?", "expected": "4"},
]


class Echo(spanloom.Model):
    answer: str = "Paris"

    @spanloom.op
    async def predict(self, question: str) -> str:
        return self.answer


@spanloom.op
def exact(expected: str, output: str) -> dict[str, bool]:
    return {"correct": expected == output}


def length(output: str) -> int:
    return len(output)


async def judge(output: str, judge_model: Any) -> dict[str, Any]:
    return {"score": await judge_model.predict(output)}


def evaluation(*scorers: object, rows: Any = None, **options: Any) -> spanloom.Evaluation:
    dataset = spanloom.Dataset(name="capitals", rows=rows or ROWS)
    return spanloom.Evaluation(dataset=dataset, scorers=list(scorers), **options)


def prediction_of(calls: CapturedCalls, index: int) -> CapturedCall:
    """Return an example's first trial; examples end in any order."""
    place = {conventions.EXAMPLE_INDEX: index, conventions.TRIAL_INDEX: 0}.items()
    return next(call for call in calls if call.attributes.items() >= place)


async def test_the_summary_has_weaves_shape() -> None:
    summary = await evaluation(exact, length).evaluate(Echo())

    latency = summary.pop("model_latency")
    assert summary == {
        "exact": {"correct": {"true_count": 1, "true_fraction": 0.5}},
        "length": {"mean": 5.0},
    }
    assert latency["mean"] >= 0


async def test_the_calls_of_an_evaluation_form_its_tree(calls: CapturedCalls) -> None:
    await evaluation(exact, length).evaluate(Echo())

    root = calls.one("Evaluation.evaluate")
    below = calls.children(root)
    predictions = [call for call in below if call.kind == "prediction"]
    assert (root.kind, root.parent_id) == ("evaluation", None)
    assert [call.name for call in below] == [
        "Evaluation.predict_and_score",
        "Evaluation.predict_and_score",
        "Evaluation.summarize",
    ]
    assert below[-1].kind == "summary"
    for prediction in predictions:
        names = [(call.name, call.kind) for call in calls.children(prediction)]
        assert names == [("Echo.predict", "span"), ("exact", "scorer"), ("length", "scorer")]
    assert {call.attributes[conventions.EVALUATION_ID] for call in calls} == {root.id}
    scorer_names = {call.attributes.get(conventions.SCORER_NAME) for call in calls.named("length")}
    assert scorer_names == {"length"}


async def test_the_root_carries_what_was_evaluated(calls: CapturedCalls) -> None:
    model = Echo(answer="Paris")
    metadata = {"ticket": 12}

    summary = await evaluation(exact, metadata=metadata, trials=2).evaluate(model)

    root = calls.one("Evaluation.evaluate")
    expected = {
        conventions.EVALUATION_ID: root.id,
        conventions.EVALUATION_NAME: "capitals-evaluation",
        conventions.EVALUATION_TRIALS: 2,
        conventions.DATASET_NAME: "capitals",
        conventions.DATASET_DIGEST: digest_of_rows([example_digest(row) for row in ROWS]),
        conventions.DATASET_ROW_COUNT: 2,
        conventions.MODEL_NAME: "Echo",
        conventions.MODEL_DIGEST: model.digest,
        conventions.MODEL_PARAMETERS: '{"answer":"Paris"}',
        conventions.SCORER_NAMES: ("exact",),
        conventions.EVALUATION_METADATA: '{"ticket":12}',
    }
    assert root.attributes.items() >= expected.items()
    display_name = root.attributes[conventions.EVALUATION_DISPLAY_NAME]
    assert re.fullmatch(r"eval-\d{4}-\d\d-\d\d-[a-z]+-[a-z]+", display_name)
    assert root.output == summary
    assert root.inputs == {
        "self": {
            "name": "capitals-evaluation",
            "dataset": {"name": "capitals", "row_count": 2},
            "scorers": ["exact"],
            "trials": 2,
        },
        "model": {"answer": "Paris"},
    }


async def test_each_prediction_carries_its_example(calls: CapturedCalls) -> None:
    await evaluation(exact, trials=2).evaluate(Echo())

    predictions = calls.named("Evaluation.predict_and_score")
    places = [
        (call.attributes["spanloom.example.index"], call.attributes["spanloom.trial.index"])
        for call in predictions
    ]
    assert sorted(places) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    first = prediction_of(calls, 0)
    assert first.inputs == {"example": ROWS[0]}
    assert first.attributes[conventions.EXAMPLE_DIGEST] == example_digest(ROWS[0])
    assert first.output["output"] == "Paris"
    assert first.output["scores"] == {"exact": {"correct": True}}
    assert first.output.keys() == {"output", "scores", "model_latency"}


async def test_evaluate_call_returns_the_summary_and_the_call(calls: CapturedCalls) -> None:
    each = evaluation(exact)

    with spanloom.attributes({"wandb-run-id": "r1"}):
        summary, call = await each.evaluate.call(each, Echo())

    root = calls.one("Evaluation.evaluate")
    assert summary == root.output
    assert (call.id, call.trace_id) == (root.id, root.trace_id)
    assert {each.attributes["wandb-run-id"] for each in calls} == {"r1"}


async def test_a_model_that_raises_loses_its_row_only(calls: CapturedCalls) -> None:
    def picky(question: str) -> str:
        if "France" in question:
            raise ValueError("no geography")
        return "4"

    summary = await evaluation(exact).evaluate(picky)

    assert summary["exact"] == {"correct": {"true_count": 1, "true_fraction": 1.0}}
    (failed,) = [call for call in calls if call.kind == "prediction" and call.error]
    assert failed.error == "model: ValueError: no geography"
    assert failed.output["output"] is None
    assert failed.output["scores"] == {}
    assert failed.output["errors"] == {"model": "ValueError: no geography"}
    assert [call.error for call in calls.children(failed)] == ["ValueError: no geography"]


async def test_a_scorer_that_raises_keeps_the_output_and_other_scores(calls: CapturedCalls) -> None:
    def broken(output: str) -> bool:
        raise RuntimeError("judge is out")

    summary = await evaluation(broken, exact).evaluate(Echo())

    assert summary["exact"]["correct"]["true_count"] == 1
    assert "broken" not in summary
    prediction = prediction_of(calls, 0)
    assert prediction.output["output"] == "Paris"
    assert prediction.output["scores"] == {"exact": {"correct": True}}
    assert prediction.output["errors"] == {"broken": "RuntimeError: judge is out"}


async def test_an_iterator_that_runs_out_in_a_model_is_an_error_like_others() -> None:
    def runs_out(question: str) -> str:
        return next(iter(()))

    summary = await asyncio.wait_for(evaluation(exact).evaluate(runs_out), 10)

    assert summary.keys() == {"model_latency"}


async def test_plain_functions_methods_and_objects_are_traced_anyway(calls: CapturedCalls) -> None:
    class Undecorated(spanloom.Model):
        def predict(self, question: str) -> str:
            return "Paris"

    class Anything:
        def invoke(self, question: str) -> str:
            return "Paris"

    def plain(question: str, style: str = "short") -> str:
        return "Paris"

    partial = functools.partial(plain, style="long")
    for model in (Undecorated(), Anything(), plain, partial, lambda question: "Paris"):
        await evaluation(exact).evaluate(model)

    roots = calls.named("Evaluation.evaluate")
    names = [root.attributes[conventions.MODEL_NAME] for root in roots]
    assert names == ["Undecorated", "Anything", "plain", "plain", "<lambda>"]
    assert [root.attributes.get(conventions.MODEL_PARAMETERS) for root in roots] == [
        "{}",
        None,
        None,
        '{"style":"long"}',
        None,
    ]
    assert len({root.attributes[conventions.MODEL_DIGEST] for root in roots}) == 5
    traced = {call.name for call in calls} - {"exact"}
    assert {"Undecorated.predict", "Anything.invoke", "plain", "<lambda>"} <= traced


async def test_a_lone_column_fills_a_lone_parameter_and_that_is_recorded(
    calls: CapturedCalls,
) -> None:
    def model(query: str) -> str:
        return query

    rows = [{"input": "a", "expected": "a"}]

    summary = await evaluation(exact, rows=rows).evaluate(model)

    assert summary["exact"]["correct"]["true_fraction"] == 1.0
    mapping = calls.one("Evaluation.evaluate").attributes[conventions.EVALUATION_INPUT_MAPPING]
    assert json.loads(mapping) == {"query": "input"}


async def test_what_cannot_be_bound_is_refused_before_any_call(calls: CapturedCalls) -> None:
    def model(question: str, country: str) -> str:
        raise AssertionError("must not be called")

    rows = [*ROWS, {"question": "?", "expected": "", "country": "FR"}]
    each = evaluation(exact, rows=rows)

    with pytest.raises(spanloom.BindingError, match="model needs 'country'") as caught:
        await each.evaluate(model)
    with pytest.raises(spanloom.BindingError):
        await each.evaluate.call(each, model)
    with pytest.raises(spanloom.BindingError, match="needs 'judge_model'"):
        await evaluation(judge).evaluate(Echo())

    assert caught.value.__notes__ == ["Some rows lack the columns 'country'."]
    assert {call.name for call in calls} == {"Evaluation.evaluate"}
    assert all(call.error for call in calls)


async def test_partials_bind_what_the_dataset_lacks(calls: CapturedCalls) -> None:
    class Judge(spanloom.Model):
        score: float

        async def predict(self, output: str) -> float:
            return self.score

    strict, kind = (functools.partial(judge, judge_model=Judge(score=n)) for n in (0.2, 0.8))

    summary = await evaluation(strict, kind).evaluate(Echo())

    assert summary["judge"] == {"score": {"mean": 0.2}}
    assert summary["judge_2"] == {"score": {"mean": 0.8}}
    scorer_names = {call.attributes[conventions.SCORER_NAME] for call in calls.named("judge")}
    assert scorer_names == {"judge", "judge_2"}


class Contains(spanloom.Scorer):
    column_map: dict[str, str] | None = pydantic.Field({"wanted": "expected"})

    @spanloom.op
    def score(self, *, wanted: str, model_output: str) -> bool:  # type: ignore[override]
        return wanted in model_output

    def summarize(self, score_rows: Sequence[Any]) -> Any:
        return {"found": sum(row is True for row in score_rows)}


async def test_scorer_classes_map_columns_and_sum_up_their_own_way(calls: CapturedCalls) -> None:
    class Plain(spanloom.Scorer):
        def score(self, *, output: str, **columns: str) -> bool:
            return columns["expected"] == output

    summary = await evaluation(Contains(), Plain(name="plain")).evaluate(Echo())

    assert summary["Contains"] == {"found": 1}
    assert summary["plain"] == {"true_count": 1, "true_fraction": 0.5}
    assert [call.kind for call in calls.named("Contains.score")] == ["scorer", "scorer"]


async def test_a_summary_that_raises_does_not_lose_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Contains):
        def summarize(self, score_rows: Sequence[Any]) -> Any:
            raise ZeroDivisionError("no rows")

    summary = await evaluation(Broken(), exact).evaluate(Echo())

    assert summary["Broken"] == {"error": "ZeroDivisionError: no rows"}
    assert summary["exact"]["correct"]["true_count"] == 1
    assert "scorer Broken cannot sum up its scores" in caplog.text


async def test_numeric_outputs_are_summed_up_too() -> None:
    summary = await evaluation().evaluate(lambda question: len(question))

    assert summary["output"] == {"mean": 11.0}


async def test_inputs_can_be_prepared_for_the_model() -> None:
    async def prepare(example: dict[str, Any]) -> dict[str, Any]:
        return {"prompt": example["question"].upper()}

    summary = await evaluation(
        lambda output: output == output.upper(), preprocess_model_input=prepare
    ).evaluate(lambda prompt: prompt)

    assert summary["<lambda>"]["true_fraction"] == 1.0


async def test_a_preparation_that_fails_is_an_error_of_its_row_or_of_the_whole(
    calls: CapturedCalls,
) -> None:
    def prepare(example: dict[str, Any]) -> Any:
        return {"question": "q"} if "France" in example["question"] else None

    await evaluation(preprocess_model_input=prepare).evaluate(Echo())

    (failed,) = [call for call in calls if call.kind == "prediction" and call.error]
    assert failed.output["errors"] == {
        "model": "TypeError: preprocess_model_input must return a dict, not NoneType"
    }
    with pytest.raises(spanloom.BindingError, match="cannot prepare the first row: 1"):
        await evaluation(preprocess_model_input=lambda example: example[1]).evaluate(Echo())


async def test_threads_and_tasks_are_bounded_and_keep_the_tree() -> None:
    running, peak = 0, 0
    lock = threading.Lock()

    @spanloom.op
    def inner() -> None: ...

    def slow(question: str) -> str:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        time.sleep(0.02)
        inner()
        with lock:
            running -= 1
        return "x"

    rows = [{"question": str(n)} for n in range(12)]
    with captured_calls(Settings(parallelism=4)) as calls:
        await evaluation(rows=rows).evaluate(slow)

    assert peak == 4
    parents = {call.id for call in calls.named("slow")}
    assert {call.parent_id for call in calls.named("inner")} == parents
    assert len(parents) == 12


async def test_cancelling_an_evaluation_stops_it(calls: CapturedCalls) -> None:
    async def hang(question: str) -> str:
        await asyncio.sleep(60)
        return ""

    task = asyncio.create_task(evaluation().evaluate(hang))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert calls.one("Evaluation.evaluate").attributes[conventions.ERROR_TYPE] == "CancelledError"


async def test_an_awaitable_from_a_plain_function_is_awaited() -> None:
    def plain(question: str) -> Any:
        async def answer() -> str:
            return "Paris"

        return answer()

    def failing(question: str) -> Any:
        async def answer() -> str:
            raise ValueError("later")

        return answer()

    assert (await evaluation(exact).evaluate(plain))["exact"]["correct"]["true_count"] == 1
    assert (await evaluation(exact).evaluate(failing)).keys() == {"model_latency"}


def test_evaluate_sync_works_in_a_plain_script() -> None:
    summary = evaluation(exact).evaluate_sync(Echo())

    assert summary["exact"]["correct"]["true_count"] == 1


async def test_evaluate_sync_works_inside_a_running_loop(calls: CapturedCalls) -> None:
    with spanloom.attributes({"cell": 3}):
        summary = evaluation(exact).evaluate_sync(Echo())

    assert summary["exact"]["correct"]["true_count"] == 1
    assert calls.one("Evaluation.evaluate").attributes["cell"] == 3


async def test_without_init_it_runs_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    each = evaluation(exact)

    await each.evaluate(Echo())
    summary, call = await each.evaluate.call(each, Echo())

    assert summary["exact"]["correct"]["true_count"] == 1
    assert call.id == ""
    (record,) = caplog.records
    assert "the evaluation is not recorded" in record.getMessage()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nightly", "nightly"), (lambda call: f"run of {call.op_name}", "run of Evaluation.evaluate")],
)
async def test_a_run_can_be_named(calls: CapturedCalls, name: Any, expected: str) -> None:
    await evaluation(evaluation_name=name).evaluate(Echo())

    root = calls.one("Evaluation.evaluate")
    assert root.attributes[conventions.EVALUATION_DISPLAY_NAME] == expected


def test_a_list_of_rows_is_a_dataset() -> None:
    each = spanloom.Evaluation(dataset=ROWS, name="mine")

    assert (len(each.dataset), each.name, each.dataset.name) == (2, "mine", "dataset")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials must be at least 1"),
        ({"scorers": ["exact"]}, "'exact' is no scorer"),
        ({"scorers": [Contains]}, "is no scorer"),
        ({"dataset": []}, "has no rows"),
    ],
)
def test_misuse_is_refused_when_the_evaluation_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(spanloom.ConfigurationError, match=message):
        spanloom.Evaluation(**{"dataset": ROWS, **options})


def test_a_scorer_never_takes_a_key_that_means_something_else(calls: CapturedCalls) -> None:
    def output(output: str) -> int:
        return 1

    summary = evaluation(output).evaluate_sync(Echo())

    assert summary["output_2"] == {"mean": 1.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is() -> None:
    terminal = Terminal()
    progress = Progress("eval-1", 2, terminal)

    progress.advance(failed=False)
    progress.advance(failed=True)
    progress.end("http://server/p")

    assert terminal.getvalue() == "\reval-1: 1/2\reval-1: 2/2, 1 failed  http://server/p\n"


def test_nothing_is_shown_elsewhere_and_no_address_where_there_is_none() -> None:
    file, terminal = io.StringIO(), Terminal()

    for stream in (file, terminal):
        progress = Progress("eval-1", 1, stream)
        progress.advance(failed=False)
        progress.end("")

    assert file.getvalue() == ""
    assert terminal.getvalue().endswith("1/1\n")


def test_a_terminal_that_goes_away_is_no_reason_to_stop() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    closed = io.StringIO()
    closed.close()

    for stream in (Gone(), closed):
        progress = Progress("eval-1", 1, stream)
        progress.advance(failed=False)
        progress.end("")
