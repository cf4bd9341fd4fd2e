"""Rows from elsewhere: frames of pandas and polars, Hugging Face datasets, recorded calls."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from spanloom.errors import ConfigurationError

Row = dict[str, Any]


def rows_of_pandas(frame: Any) -> list[Row]:
    """Return a pandas frame's rows; what is missing becomes None, the index is left out."""
    return [
        {str(column): _cell(value) for column, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def rows_of_polars(frame: Any) -> list[Row]:
    """Return a polars frame's rows."""
    rows: list[Row] = frame.to_dicts()
    return rows


def rows_of_hf(dataset: Any) -> list[Row]:
    """Return the rows of one split of a Hugging Face dataset.

    Raises:
        ConfigurationError: it holds several splits.
    """
    if isinstance(dataset, Mapping):
        splits = ", ".join(repr(str(split)) for split in dataset)
        raise ConfigurationError(f"choose a split of the Hugging Face dataset: {splits}")
    return [dict(row) for row in dataset]


def rows_of_calls(calls: Iterable[Any], output_column: str) -> list[Row]:
    """Return a row for each call that succeeded: its inputs by name, and its output.

    Raises:
        ConfigurationError: an input has the name of the output's column.
    """
    rows = []
    for call in calls:
        if getattr(call, "error", None) or getattr(call, "exception", None):
            continue
        inputs = {name: value for name, value in (call.inputs or {}).items() if name != "self"}
        if output_column in inputs:
            raise ConfigurationError(
                f"a call has an input {output_column!r}: choose another output_column"
            )
        rows.append({**inputs, output_column: call.output})
    return rows


def library(name: str) -> Any:
    """Import a library that the app may have.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(f"this needs {name}: pip install {name}") from error


def _cell(value: Any) -> Any:
    kind = type(value)
    if kind.__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None
    if hasattr(kind, "to_pydatetime"):
        return value.to_pydatetime()
    if hasattr(kind, "to_pytimedelta"):
        return value.to_pytimedelta()
    if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value
