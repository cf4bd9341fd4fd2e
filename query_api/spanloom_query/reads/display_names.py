"""The names that people gave to spans."""

from collections.abc import Mapping, Sequence

from spanloom_collector.storage.connect import Engine

_NAMES = """
SELECT span_id, display_name
FROM display_names FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String} AND display_name != ''
  AND (empty({span_ids:Array(String)}) OR span_id IN {span_ids:Array(String)})
"""


def display_names(
    engine: Engine, project: str, trace_id: str, span_ids: Sequence[str] = ()
) -> Mapping[str, str]:
    """The given names of a trace's spans, by span id; those without one are left out.

    Args:
        engine: where they are.
        project: whose they are.
        trace_id: of which trace.
        span_ids: of which spans; none of them means all.
    """
    parameters = {"project": project, "trace_id": trace_id, "span_ids": list(span_ids)}
    with engine.reader() as client:
        rows = client.query(_NAMES, parameters=parameters).result_rows
    return {span: name for span, name in rows}  # noqa: C416  # rows are typed as sequences
