"""One example of an evaluation: the model's call and its scores."""

import asyncio
import contextvars
import dataclasses
import inspect
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple

from spanloom import conventions
from spanloom._evals.binding import Arguments
from spanloom._evals.plan import Function, Judge, Target, is_async
from spanloom._tracing.call import text_of_exception
from spanloom._tracing.context import get_current_call
from spanloom._tracing.op import op


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One row of the dataset, to be tried once."""

    index: int
    trial: int
    digest: str
    row: Mapping[str, Any]


class Outcome(NamedTuple):
    """What became of a call into the app's code."""

    value: Any
    error: Exception | None
    duration_s: float


class Predictor(NamedTuple):
    """Calls the model and the scorers of one evaluation."""

    target: Target
    judges: list[Judge]
    renamed: Mapping[str, str]
    preprocess: Callable[[dict[str, Any]], Any] | None
    pool: Executor

    async def model_input(self, row: Mapping[str, Any]) -> Outcome:
        """Return the values that the model's parameters are picked from."""
        if self.preprocess is None:
            return Outcome(row, None, 0.0)
        outcome = await self.run(self.preprocess, Arguments((dict(row),), {}))
        if outcome.error is None and not isinstance(outcome.value, Mapping):
            kind = type(outcome.value).__name__
            error = TypeError(f"preprocess_model_input must return a dict, not {kind}")
            return outcome._replace(value=None, error=error)
        return outcome

    async def predict(self, row: Mapping[str, Any]) -> Outcome:
        """Call the model for one row."""
        values = await self.model_input(row)
        if values.error is not None:
            return values
        arguments = self.target.parameters.arguments(values.value, self.renamed)
        return await self.run(self.target.function, arguments)

    async def score(self, judge: Judge, row: Mapping[str, Any], output: Any) -> Outcome:
        """Call one scorer."""
        values = {**row, conventions.PREDICTION_OUTPUT: output}
        renamed = dict(judge.column_map)
        if "model_output" in judge.parameters.names and "model_output" not in row:
            renamed["model_output"] = conventions.PREDICTION_OUTPUT
        arguments = judge.parameters.arguments(values, renamed)
        return await self.run(judge.function, arguments)

    async def run(self, function: Function, arguments: Arguments) -> Outcome:
        """Call a function where it belongs: async in the loop, anything else in a thread."""
        if is_async(function):
            return await _awaited(function(*arguments.args, **arguments.kwargs))
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self.pool, context.run, _called, function, arguments)
        return await _awaited(outcome.value) if inspect.isawaitable(outcome.value) else outcome


def _called(function: Function, arguments: Arguments) -> Outcome:
    started = time.perf_counter()
    try:
        value = function(*arguments.args, **arguments.kwargs)
    except Exception as error:  # noqa: BLE001  # an outcome; a future cannot hold StopIteration
        return Outcome(None, error, time.perf_counter() - started)
    return Outcome(value, None, time.perf_counter() - started)


async def _awaited(awaitable: Any) -> Outcome:
    started = time.perf_counter()
    try:
        value = await awaitable
    except Exception as error:  # noqa: BLE001  # an outcome
        return Outcome(None, error, time.perf_counter() - started)
    return Outcome(value, None, time.perf_counter() - started)


def _recorded_inputs(inputs: dict[str, Any]) -> dict[str, Any]:
    example: Example = inputs["example"]
    return {conventions.PREDICTION_EXAMPLE: example.row}


@op(
    name="Evaluation.predict_and_score",
    kind="prediction",
    postprocess_inputs=_recorded_inputs,
)
async def predict_and_score(predictor: Predictor, example: Example) -> dict[str, Any]:
    """Try one example: the model's output, then every scorer's judgement of it.

    Returns:
        ``{"output", "scores", "model_latency" (seconds)}``, and ``"errors"`` when something
        raised: ``model`` or the scorer's name to the exception's text.
    """
    call = get_current_call()
    if call is not None:
        call.set_attributes(_attributes(example))
    outcome = await predictor.predict(example.row)
    scores: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if outcome.error is not None:
        errors["model"] = _text(outcome.error)
    else:
        for judge in predictor.judges:
            judgement = await predictor.score(judge, example.row, outcome.value)
            if judgement.error is None:
                scores[judge.name] = judgement.value
            else:
                errors[judge.name] = _text(judgement.error)
    result = {
        conventions.PREDICTION_OUTPUT: outcome.value,
        conventions.PREDICTION_SCORES: scores,
        conventions.PREDICTION_MODEL_LATENCY: outcome.duration_s,
    }
    if errors:
        result[conventions.PREDICTION_ERRORS] = errors
        if call is not None:
            call.set_error("; ".join(f"{who}: {text}" for who, text in errors.items()))
    return result


def _attributes(example: Example) -> dict[str, object]:
    return {
        conventions.EXAMPLE_INDEX: example.index,
        conventions.EXAMPLE_DIGEST: example.digest,
        conventions.TRIAL_INDEX: example.trial,
    }


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {text_of_exception(error)}"
