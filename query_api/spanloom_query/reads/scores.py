"""Fold the scores of an evaluation's rows: one aggregate, used wherever a score is shown."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ScoreSummary:
    """One score over all rows.

    ``path`` is the scorer's name and the keys below it, joined by dots. ``mean`` is over the
    ``scored_count`` rows that have a value; for booleans it is the fraction that is true.
    """

    path: str
    scorer: str
    type: str
    scored_count: int
    row_count: int
    mean: float
    true_count: int | None


@dataclass(frozen=True)
class LatencySummary:
    """How long the model took, in milliseconds."""

    mean: float
    p50: float
    p95: float


def score_summaries(rows: Sequence[dict[str, Any]]) -> list[ScoreSummary]:
    """The scores that rows hold, in the order in which they first appear.

    Booleans and finite numbers are scores; anything else (null, text, lists) is not scored. Where
    a path holds both, its first value decides and the others count as not scored.

    Args:
        rows: of each row, scorer name to what the scorer returned.

    Example:
        >>> [summary] = score_summaries([{"exact": {"correct": True}}, {"exact": {}}])
        >>> summary.path, summary.mean, summary.scored_count, summary.row_count
        ('exact.correct', 1.0, 1, 2)
    """
    values: dict[tuple[str, ...], list[bool | float]] = {}
    for row in rows:
        for path, value in _leaves(row, ()):
            found = values.setdefault(path, [])
            if not found or isinstance(found[0], bool) == isinstance(value, bool):
                found.append(value)
    return [_summary(path, found, len(rows)) for path, found in values.items()]


def latency_summary(latencies_ms: Sequence[float]) -> LatencySummary | None:
    """Mean and percentiles (linear interpolation between ranks), or None without any latency."""
    if not latencies_ms:
        return None
    ordered = sorted(latencies_ms)
    mean = math.fsum(ordered) / len(ordered)
    return LatencySummary(mean, _quantile(ordered, 0.5), _quantile(ordered, 0.95))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bool | float]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(member, (*path, str(key)))
    elif isinstance(value, bool):
        yield path, value
    elif isinstance(value, int | float) and math.isfinite(value):
        yield path, float(value)


def _summary(path: tuple[str, ...], values: list[bool | float], row_count: int) -> ScoreSummary:
    boolean = isinstance(values[0], bool)
    return ScoreSummary(
        path=".".join(path),
        scorer=path[0],
        type="boolean" if boolean else "number",
        scored_count=len(values),
        row_count=row_count,
        mean=math.fsum(values) / len(values),
        true_count=sum(map(bool, values)) if boolean else None,
    )


def _quantile(ordered: Sequence[float], fraction: float) -> float:
    rank = fraction * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)
