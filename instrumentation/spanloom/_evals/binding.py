"""Which column of the dataset fills which parameter; decided before the first model call."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanloom.errors import BindingError

OUTPUT_PARAMETERS: Final = ("output", "model_output")
"""Under which name a scorer takes the model's output."""

_POSITIONAL_ONLY: Final = inspect.Parameter.POSITIONAL_ONLY
_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Arguments(NamedTuple):
    """What a function is called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Parameters(NamedTuple):
    """What a function takes."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    positional_only: tuple[str, ...]
    takes_any: bool
    """Whether it has ``**kwargs``."""

    def arguments(self, values: Mapping[str, Any], renamed: Mapping[str, str]) -> Arguments:
        """Pick this function's arguments; ``renamed`` says which value a parameter gets."""
        picked = {
            name: values[renamed.get(name, name)]
            for name in self.names
            if renamed.get(name, name) in values
        }
        if self.takes_any:
            used = {renamed.get(name, name) for name in picked}
            picked |= {name: value for name, value in values.items() if name not in used}
        args = tuple(picked.pop(name) for name in self.positional_only if name in picked)
        return Arguments(args, picked)


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Read a function's signature; one that has none takes anything."""
    try:
        all_parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Parameters((), (), (), takes_any=True)
    named = [parameter for parameter in all_parameters if parameter.kind not in _VARIABLE]
    return Parameters(
        names=tuple(parameter.name for parameter in named),
        required=tuple(p.name for p in named if p.default is inspect.Parameter.empty),
        positional_only=tuple(p.name for p in named if p.kind is _POSITIONAL_ONLY),
        takes_any=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in all_parameters),
    )


def bind_model(
    name: str,
    parameters: Parameters,
    columns: Sequence[str],
    scorer_columns: set[str],
) -> dict[str, str]:
    """Return the model's parameters that take a column of another name, parameter to column.

    That is at most one: a lone required parameter without a column takes the lone column that
    neither the model nor a scorer asks for.

    Raises:
        BindingError: some required parameter has no column.
    """
    missing = [parameter for parameter in parameters.required if parameter not in columns]
    if not missing:
        return {}
    spare = [
        column
        for column in columns
        if column not in parameters.names and column not in scorer_columns
    ]
    if len(missing) == len(spare) == 1:
        return {missing[0]: spare[0]}
    raise BindingError(
        f"{name} needs {_listed(missing)}, but the dataset has only {_listed(columns)}."
        " Three ways out: rename the parameter or the column so that they agree; pass"
        f" preprocess_model_input=lambda example: {{{missing[0]!r}: …}} to the Evaluation; or give"
        " the parameter a default."
    )


def bind_scorer(
    name: str, parameters: Parameters, columns: Sequence[str], column_map: Mapping[str, str]
) -> None:
    """Check that a scorer can be called.

    Raises:
        BindingError: some required parameter has no column, or the column map names no column.
    """
    unknown = [column for column in column_map.values() if column not in columns]
    if unknown:
        raise BindingError(
            f"the column_map of scorer {name} names {_listed(unknown)}, but the dataset has only"
            f" {_listed(columns)}."
        )
    known = {*columns, *column_map, *OUTPUT_PARAMETERS}
    missing = [parameter for parameter in parameters.required if parameter not in known]
    if missing:
        raise BindingError(
            f"scorer {name} needs {_listed(missing)}, but gets only the model's 'output' and the"
            f" columns {_listed(columns)}. Three ways out: rename the parameter or the column so"
            " that they agree (a Scorer class may say so in its column_map); bind the argument"
            f" with functools.partial({name}, {missing[0]}=…); or give the parameter a default."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
