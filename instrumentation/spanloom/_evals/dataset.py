"""Datasets: named lists of examples, known by their content."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

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

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order in which the rows bring them up."""
        return list(dict.fromkeys(column for row in self.rows for column in row))

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
