"""Projects: whatever has spans."""

from dataclasses import dataclass

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import rfc3339

_PROJECTS = """
SELECT
    project AS name,
    uniqExact(trace_id) AS trace_count,
    count() AS span_count,
    countIf(status_code = 2) AS error_count,
    countIf(kind = 'evaluation') AS evaluation_count,
    toUnixTimestamp64Nano(max(start_time)) AS last_start
FROM spans FINAL
GROUP BY project
ORDER BY last_start DESC, project
"""


@dataclass(frozen=True)
class Project:
    """One project and how much it holds."""

    name: str
    trace_count: int
    span_count: int
    error_count: int
    evaluation_count: int
    last_start_time: str


def list_projects(engine: Engine) -> list[Project]:
    """Every project, the one with the newest span first."""
    with engine.reader() as client:
        rows = list(client.query(_PROJECTS).named_results())
    return [Project(last_start_time=rfc3339(row.pop("last_start")), **row) for row in rows]
