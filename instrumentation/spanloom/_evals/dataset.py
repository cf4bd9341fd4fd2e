"""Datasets: named lists of examples, known by their content."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from spanloom._evals.sources import (
    library,
    rows_of_calls,
    rows_of_hf,
    rows_of_pandas,
    rows_of_polars,
)
from spanloom._values.encode import canonical
from spanloom.errors import ConfigurationError


class Dataset:
    """Examples to evaluate on; each is a mapping of column name to value.

    Args:
        rows: the examples, at least one.
        name: what to call the dataset.
        description: what it is good for.

    Raises:
        ConfigurationError: there are no rows, or one is no mapping with text keys.

    Example:
        >>> dataset = Dataset(name="sums", rows=[{"a": 1, "b": 2, "expected": 3}])
        >>> len(dataset), dataset[0]["expected"]
        (1, 3)
    """

    def __init__(
        self,
        *,
        rows: Sequence[Mapping[str, Any]],
        name: str = "dataset",
        description: str | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.rows: list[dict[str, Any]] = _checked(name, rows)

    @classmethod
    def from_pandas(cls, frame: Any, *, name: str = "dataset") -> "Dataset":
        """Make a dataset of a pandas DataFrame, without its index; what is missing is None."""
        return cls(rows=rows_of_pandas(frame), name=name)

    @classmethod
    def from_polars(cls, frame: Any, *, name: str = "dataset") -> "Dataset":
        """Make a dataset of a polars DataFrame."""
        return cls(rows=rows_of_polars(frame), name=name)

    @classmethod
    def from_hf(cls, dataset: Any, *, name: str = "dataset") -> "Dataset":
        """Make a dataset of one split of a Hugging Face dataset; all of its rows are loaded."""
        return cls(rows=rows_of_hf(dataset), name=name)

    @classmethod
    def from_calls(
        cls, calls: Iterable[Any], *, name: str = "dataset", output_column: str = "expected"
    ) -> "Dataset":
        """Make a dataset of recorded calls: the inputs by name, the output as what is expected.

        Calls that failed are left out.

        Example:
            >>> import spanloom
            >>> from spanloom.testing import captured_calls
            >>> @spanloom.op
            ... def double(n: int) -> int:
            ...     return 2 * n
            >>> with captured_calls() as calls:
            ...     numbers = [double(1), double(2)]
            >>> Dataset.from_calls(calls).rows
            [{'n': 1, 'expected': 2}, {'n': 2, 'expected': 4}]
        """
        return cls(rows=rows_of_calls(calls, output_column), name=name)

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> "Dataset":
        """Return a new dataset with these rows behind the present ones."""
        both = [*self.rows, *_checked(self.name, list(rows))]
        return Dataset(rows=both, name=self.name, description=self.description)

    def select(self, indices: Iterable[int]) -> "Dataset":
        """Return a new dataset of the rows with these indices, in this order.

        Raises:
            IndexError: there is no such row.
        """
        rows = [self.rows[index] for index in indices]
        return Dataset(rows=rows, name=self.name, description=self.description)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        return library("pandas").DataFrame(self.rows, columns=self.columns)

    def to_polars(self) -> Any:
        """Return a polars DataFrame; a column of mixed types gets the one that holds them all.

        Raises:
            ConfigurationError: polars is not installed.
        """
        return library("polars").from_dicts(self.rows, infer_schema_length=None, strict=False)

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order in which the rows bring them up."""
        return list(dict.fromkeys(column for row in self.rows for column in row))

    @property
    def columns_names(self) -> list[str]:
        """The same as ``columns``."""
        return self.columns

    @property
    def num_rows(self) -> int:
        """The same as ``len(dataset)``."""
        return len(self.rows)

    @property
    def digest(self) -> str:
        """The version: sha256 (64 hex digits) over the digests of the rows, in order."""
        return digest_of_rows([example_digest(row) for row in self.rows])

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self.rows[index]

    def __repr__(self) -> str:
        return f"Dataset(name={self.name!r}, {len(self)} rows)"


def example_digest(row: Mapping[str, Any]) -> str:
    """Return the sha256 of a row's canonical JSON, 64 hex digits: the same in every run."""
    return hashlib.sha256(canonical(dict(row))).hexdigest()


def digest_of_rows(row_digests: Sequence[str]) -> str:
    """Return the sha256 over the digests of a dataset's rows, in order."""
    return hashlib.sha256("".join(row_digests).encode()).hexdigest()


def _checked(name: str, rows: object) -> list[dict[str, Any]]:
    if isinstance(rows, str | Mapping) or not isinstance(rows, Sequence):
        raise ConfigurationError(
            f"the rows of dataset {name!r} must be a list of dicts, not {type(rows).__name__}"
        )
    if not rows:
        raise ConfigurationError(f"dataset {name!r} has no rows: give at least one")
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping) or not all(isinstance(key, str) for key in row):
            raise ConfigurationError(
                f"row {index} of dataset {name!r} must be a dict of column name to value,"
                f" not {row!r}"
            )
    return [dict(row) for row in rows]
