"""Evaluations: a model's calls on every example of a dataset, scored and summed up."""

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from spanloom import conventions
from spanloom._client import current_settings, state
from spanloom._evals.dataset import Dataset, digest_of_rows, example_digest
from spanloom._evals.names import run_name
from spanloom._evals.plan import Judge, Target, bind, judges_of, target_of
from spanloom._evals.prediction import Example, Predictor, predict_and_score
from spanloom._evals.progress import Progress
from spanloom._evals.scorer import auto_summarize
from spanloom._tracing.call import Call
from spanloom._tracing.context import attributes, get_current_call
from spanloom._tracing.op import op
from spanloom._values.encode import encode
from spanloom.errors import BindingError, ConfigurationError


class Evaluation:
    """A dataset and scorers, to be run on any number of models.

    Columns of the dataset fill the parameters of the model and of the scorers by name; a scorer
    also gets ``output``. A model's lone parameter without a column takes the lone column that
    nothing else asks for.

    Args:
        dataset: a Dataset, or a list of dicts.
        scorers: functions, ops, ``functools.partial`` of these, or instances of Scorer classes.
        preprocess_model_input: gets a row, returns the values for the model's parameters.
        trials: how often to try each example.
        name: the same for every run; by default ``<dataset's name>-evaluation``.
        metadata: anything to note about the evaluation, name to value.
        evaluation_name: the name of one run, or a function of its Call that returns it; by default
            ``eval-YYYY-MM-DD-<adjective>-<noun>``.

    Raises:
        ConfigurationError: an argument cannot work.

    Example:
        >>> def correct(expected: int, output: int) -> bool:
        ...     return expected == output
        >>> evaluation = Evaluation(dataset=[{"a": 1, "expected": 2}], scorers=[correct])
        >>> evaluation.evaluate_sync(lambda a: a + 1)["correct"]
        {'true_count': 1, 'true_fraction': 1.0}
    """

    def __init__(
        self,
        *,
        dataset: Dataset | Sequence[Mapping[str, Any]],
        scorers: Sequence[object] | None = None,
        preprocess_model_input: Callable[[dict[str, Any]], Any] | None = None,
        trials: int = 1,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        evaluation_name: str | Callable[[Call], str] | None = None,
    ) -> None:
        if trials < 1:
            raise ConfigurationError(f"trials must be at least 1, but is {trials!r}")
        self.dataset = dataset if isinstance(dataset, Dataset) else Dataset(rows=dataset)
        self.scorers = list(scorers or ())
        self.preprocess_model_input = preprocess_model_input
        self.trials = trials
        self.name = name or f"{self.dataset.name}-evaluation"
        self.metadata = dict(metadata or {})
        self.evaluation_name = evaluation_name
        self._judges = judges_of(self.scorers)

    def __spanloom_fields__(self) -> dict[str, Any]:
        """Return what is recorded of the evaluation where it is an op's ``self``."""
        return {
            "name": self.name,
            "dataset": {"name": self.dataset.name, "row_count": len(self.dataset)},
            "scorers": [judge.name for judge in self._judges],
            "trials": self.trials,
        }

    @op(name="Evaluation.evaluate", kind="evaluation")
    async def evaluate(self, model: object) -> dict[str, Any]:
        """Run the model on every example, score its outputs, and sum the scores up.

        Up to SPANLOOM_PARALLELISM examples are worked on at once; functions that are not async run
        in threads. An example whose model or scorer raises is recorded as such, and the others go
        on. ``await evaluation.evaluate.call(evaluation, model)`` returns ``(summary, Call)``.

        Args:
            model: a Model, a function, or any object with a predict, infer, forward or invoke.

        Returns:
            Scorer name to its summary, such as ``{"true_count": 1, "true_fraction": 0.5}`` for
            booleans and ``{"mean": 0.5}`` for numbers, by key where a scorer returns a dict;
            ``"model_latency": {"mean": seconds}``; and ``"output"`` when outputs can be summed up.

        Raises:
            BindingError: a parameter of the model or of a scorer has no value; no call was made.
            ConfigurationError: the model cannot be called.

        Example:
            >>> import asyncio
            >>> evaluation = Evaluation(dataset=[{"a": 1}, {"a": 3}])
            >>> asyncio.run(evaluation.evaluate(lambda a: a))["output"]
            {'mean': 2.0}
        """
        target = target_of(model)
        digests = [example_digest(row) for row in self.dataset]
        call = get_current_call()
        if call is None:
            state.say_once("spanloom.init() was not called: the evaluation is not recorded")
        title = self._title(call)
        if call is not None:
            call.set_attributes(self._attributes(call, title, target, digest_of_rows(digests)))
        with (
            attributes({conventions.EVALUATION_ID: call.id} if call is not None else {}),
            _threads(current_settings().parallelism) as pool,
        ):
            preprocess = self.preprocess_model_input
            predictor = Predictor(target, self._judges, {}, preprocess, pool)
            renamed = await self._bind(predictor)
            if call is not None and renamed:
                call.set_attributes(_json({conventions.EVALUATION_INPUT_MAPPING: renamed}))
            progress = Progress(title, len(digests) * self.trials)
            rows = await self._run(predictor._replace(renamed=renamed), digests, progress)
            summary = self.summarize(rows)
        progress.end(call.ui_url if call is not None else "")
        return summary

    def evaluate_sync(self, model: object) -> dict[str, Any]:
        """Do what ``evaluate`` does, and wait for it; works inside a running event loop, too.

        Example:
            >>> Evaluation(dataset=[{"a": 1}]).evaluate_sync(lambda a: a)["output"]
            {'mean': 1.0}
        """
        coroutine: Coroutine[Any, Any, dict[str, Any]] = self.evaluate(model)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(coroutine)
        context = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(context.run, asyncio.run, coroutine).result()

    @op(
        name="Evaluation.summarize",
        kind="summary",
        postprocess_inputs=lambda inputs: {"row_count": len(inputs["rows"])},
    )
    def summarize(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Sum up predictions as ``evaluate`` does; see there for the shape.

        Args:
            rows: what each prediction gave, ``{"output", "scores", "model_latency"}``.
        """
        summary: dict[str, Any] = {}
        outputs = auto_summarize([row[conventions.PREDICTION_OUTPUT] for row in rows])
        if outputs is not None:
            summary[conventions.PREDICTION_OUTPUT] = outputs
        for judge in self._judges:
            scores = [row[conventions.PREDICTION_SCORES].get(judge.name, {}) for row in rows]
            part = _summarized(judge, scores)
            if part is not None:
                summary[judge.name] = part
        latencies = [row[conventions.PREDICTION_MODEL_LATENCY] for row in rows]
        summary[conventions.PREDICTION_MODEL_LATENCY] = {"mean": sum(latencies) / len(latencies)}
        return summary

    async def _bind(self, predictor: Predictor) -> dict[str, str]:
        first = await predictor.model_input(self.dataset[0])
        if first.error is not None:
            raise BindingError(
                f"preprocess_model_input cannot prepare the first row: {first.error}"
            ) from first.error
        columns = None if self.preprocess_model_input is None else list(first.value)
        return bind(predictor.target, self._judges, self.dataset.rows, columns)

    async def _run(
        self, predictor: Predictor, digests: Sequence[str], progress: Progress
    ) -> list[dict[str, Any]]:
        waiting = iter(
            [
                Example(index, trial, digests[index], row)
                for trial in range(self.trials)
                for index, row in enumerate(self.dataset)
            ]
        )
        done: dict[tuple[int, int], dict[str, Any]] = {}

        async def work() -> None:
            for example in waiting:
                row = await predict_and_score(predictor, example)
                done[example.index, example.trial] = row
                progress.advance(failed=conventions.PREDICTION_ERRORS in row)

        worker_count = min(current_settings().parallelism, len(digests) * self.trials)
        async with asyncio.TaskGroup() as group:
            for _ in range(worker_count):
                group.create_task(work())
        return [done[place] for place in sorted(done)]

    def _title(self, call: Call | None) -> str:
        if isinstance(self.evaluation_name, str):
            return self.evaluation_name
        if self.evaluation_name is not None and call is not None:
            return str(self.evaluation_name(call))
        return run_name(datetime.now().astimezone().date(), random.Random())

    def _attributes(
        self, call: Call, title: str, target: Target, dataset_digest: str
    ) -> dict[str, object]:
        as_json: dict[str, object] = {}
        if target.fields is not None:
            as_json[conventions.MODEL_PARAMETERS] = target.fields
        if self.metadata:
            as_json[conventions.EVALUATION_METADATA] = self.metadata
        return {
            conventions.EVALUATION_ID: call.id,
            conventions.EVALUATION_NAME: self.name,
            conventions.EVALUATION_DISPLAY_NAME: title,
            conventions.EVALUATION_TRIALS: self.trials,
            conventions.DATASET_NAME: self.dataset.name,
            conventions.DATASET_DIGEST: dataset_digest,
            conventions.DATASET_ROW_COUNT: len(self.dataset),
            conventions.MODEL_NAME: target.name,
            conventions.MODEL_DIGEST: target.digest,
            conventions.SCORER_NAMES: [judge.name for judge in self._judges],
            **_json(as_json),
        }


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(count, "spanloom-eval")
    try:
        yield pool
    finally:
        # An interrupted evaluation does not wait for model calls that are still running.
        pool.shutdown(wait=False, cancel_futures=True)


def _json(values: Mapping[str, object]) -> dict[str, object]:
    return {name: encode(value, current_settings()) for name, value in values.items()}


def _summarized(judge: Judge, scores: list[Any]) -> Any:
    # The predictions are worth more than one scorer's sum.
    try:
        return judge.summarize(scores)
    except Exception as error:  # noqa: BLE001  # the app's own summarize
        state.report_fault(f"scorer {judge.name} cannot sum up its scores")
        return {"error": f"{type(error).__name__}: {error}"}
