"""What an evaluation is about to do: its model and scorers, traced, bound and checked."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanloom import conventions
from spanloom._evals.binding import Parameters, bind_model, bind_scorer, parameters_of
from spanloom._evals.model import Model, digest_of, infer_method
from spanloom._evals.scorer import Scorer, auto_summarize
from spanloom._tracing.op import op
from spanloom._tracing.spec import plain_name, spec_of, untraced
from spanloom.errors import BindingError, ConfigurationError

RESERVED_NAMES: Final = (
    conventions.PREDICTION_OUTPUT,
    "model",
    conventions.PREDICTION_MODEL_LATENCY,
)
"""Keys of a summary or of a prediction's errors that no scorer may take."""

Function = Callable[..., Any]


class Target(NamedTuple):
    """A model under evaluation."""

    name: str
    digest: str
    fields: dict[str, Any] | None
    function: Function
    """Traced."""
    function_name: str
    parameters: Parameters


class Judge(NamedTuple):
    """A scorer of an evaluation."""

    name: str
    function: Function
    """Traced, as a scorer."""
    parameters: Parameters
    column_map: Mapping[str, str]
    summarize: Callable[[Sequence[Any]], Any]

    def columns(self) -> set[str]:
        """Return the columns that it may ask for."""
        return {self.column_map.get(name, name) for name in self.parameters.names}


def target_of(model: object) -> Target:
    """Work out what to call for a model and what to record of it.

    Raises:
        ConfigurationError: it is no function and has no method that predicts.
    """
    function = infer_method(model)
    function_name = spec_name(function)
    if isinstance(model, Model):
        fields: dict[str, Any] | None = model.__spanloom_fields__()
        name, digest = model.name or type(model).__name__, model.digest
    else:
        fields = dict(model.keywords) if isinstance(model, functools.partial) else None
        name = function_name if function is model else type(model).__name__
        digest = digest_of(name, fields or {})
    traced = function if spec_of(function) else op(function)
    return Target(name, digest, fields, traced, function_name, parameters_of(function))


def spec_name(function: Function) -> str:
    """Return the name of an op or plain function."""
    spec = spec_of(function)
    return spec.name if spec is not None else plain_name(function)


def judges_of(scorers: Sequence[object]) -> list[Judge]:
    """Work out what to call for each scorer, under names of their own.

    Raises:
        ConfigurationError: one is neither a function nor a Scorer.
    """
    taken = set(RESERVED_NAMES)
    judges = []
    for scorer in scorers:
        judge = _judge(scorer, taken)
        taken.add(judge.name)
        judges.append(judge)
    return judges


def _judge(scorer: object, taken: set[str]) -> Judge:
    if isinstance(scorer, Scorer):
        name = _free(scorer.name or type(scorer).__name__, taken)
        function: Function = scorer.score
        summarize: Callable[[Sequence[Any]], Any] = scorer.summarize
        column_map = scorer.column_map or {}
    elif callable(scorer) and not isinstance(scorer, type):
        name, function = _free(spec_name(scorer), taken), scorer
        column_map, summarize = {}, auto_summarize
    else:
        raise ConfigurationError(
            f"{scorer!r} is no scorer: give a function or an instance of a Scorer class"
        )
    traced = op(kind="scorer", attributes={conventions.SCORER_NAME: name})(function)
    return Judge(name, traced, parameters_of(untraced(function)), column_map, summarize)


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def bind(
    target: Target,
    judges: Sequence[Judge],
    rows: Sequence[Mapping[str, Any]],
    model_columns: Sequence[str] | None,
) -> dict[str, str]:
    """Check every call that is to come, and return the model's renamed parameters.

    Args:
        target: the model.
        judges: the scorers.
        rows: the dataset's.
        model_columns: what the model gets instead of the dataset's columns, if anything.

    Raises:
        BindingError: some required parameter of the model or a scorer has no value.
    """
    columns = [column for column in rows[0] if all(column in row for row in rows)]
    try:
        for judge in judges:
            bind_scorer(judge.name, judge.parameters, columns, judge.column_map)
        return bind_model(
            target.function_name,
            target.parameters,
            columns if model_columns is None else model_columns,
            {column for judge in judges for column in judge.columns()},
        )
    except BindingError as error:
        patchy = sorted({column for row in rows for column in row} - {*columns})
        if patchy:
            error.add_note(f"Some rows lack the columns {', '.join(map(repr, patchy))}.")
        raise


def is_async(function: Function) -> bool:
    """Whether calling a traced function gives a coroutine."""
    return inspect.iscoroutinefunction(function)
