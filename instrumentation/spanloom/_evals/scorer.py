"""Scorers: what judges an output, and how its judgements are summed up."""

import dataclasses
from collections.abc import Sequence
from numbers import Number
from typing import Any, cast

from pydantic import BaseModel

from spanloom._evals.model import Configured


class Scorer(Configured):
    """A scorer with fields of its own, or with its own way to sum up.

    ``score`` (sync or async) gets ``output`` and whatever columns of the example it names.

    Attributes:
        column_map: parameter of ``score`` to the dataset column that fills it, where they differ.

    Example:
        >>> class Contains(Scorer):
        ...     word: str
        ...
        ...     def score(self, *, output: str) -> dict[str, bool]:
        ...         return {"found": self.word in output}
        >>> Contains(word="yes").score(output="yes!")
        {'found': True}
    """

    column_map: dict[str, str] | None = None

    def score(self, *, output: Any, **kwargs: Any) -> Any:
        """Judge one output: a number, a boolean, or a dict of these at any depth."""
        raise NotImplementedError(f"{type(self).__name__} must define score()")

    def summarize(self, score_rows: Sequence[Any]) -> Any:
        """Sum up what ``score`` returned, one entry an example; ``{}`` where it could not.

        Returns:
            An object, or None when there is nothing to say. By default the shares of true and the
            means, see :func:`auto_summarize`.
        """
        return auto_summarize(score_rows)


def auto_summarize(values: Sequence[Any]) -> dict[str, Any] | None:
    """Sum up scores by their type, which the first one that is there decides.

    Booleans give ``{"true_count", "true_fraction"}``, where an example without a score (``{}``)
    counts as not true; numbers give ``{"mean"}``; dicts are summed up key by key. None is left
    out, text and lists are not summed up.

    Example:
        >>> auto_summarize([{"correct": True}, {"correct": False}])
        {'correct': {'true_count': 1, 'true_fraction': 0.5}}
        >>> auto_summarize([1, 2, None])
        {'mean': 1.5}
    """
    present = [plain_score(value) for value in values if value is not None]
    first = next((value for value in present if value != {}), None)
    if isinstance(first, bool):
        true_count = sum(value is True for value in present)
        return {"true_count": true_count, "true_fraction": true_count / len(present)}
    if isinstance(first, Number):
        numbers = [cast("float", value) for value in present if isinstance(value, Number)]
        return {"mean": sum(numbers) / len(numbers)}
    if isinstance(first, dict):
        return _by_key([value for value in present if isinstance(value, dict)])
    return None


def _by_key(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    summary: dict[str, Any] = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        part = auto_summarize([row.get(key) for row in rows])
        if part is None:
            continue
        # A scorer that returns {"mean": 0.5} is to be read as mean, not as mean.mean.
        summary.update(part if key in part else {key: part})
    return summary or None


def plain_score(value: Any) -> Any:
    """Return a score as Python's own bool, number, dict or list, whatever library it came from."""
    if isinstance(value, BaseModel):
        return plain_score(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_score(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(key): plain_score(item) for key, item in value.items()}
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value
