"""Which spans stand below a span."""

from collections.abc import Mapping, Sequence

from spanloom_collector.storage.connect import Engine

_PARENTS = """
SELECT span_id, parent_span_id
FROM spans FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String}
"""


def subtree_ids(engine: Engine, project: str, trace_id: str, span_id: str) -> list[str]:
    """The ids of a stored span and of all below it, each after those below it; [] without it."""
    parameters = {"project": project, "trace_id": trace_id}
    with engine.reader() as client:
        rows = client.query(_PARENTS, parameters=parameters).result_rows
    parents = {span: parent for span, parent in rows}  # noqa: C416  # rows are typed as sequences
    return below_first(parents, span_id) if span_id in parents else []


def below_first(parents: Mapping[str, str], top: str) -> list[str]:
    """A span and all below it, each after those below it; a circle is gone round once.

    Example:
        >>> below_first({"a": "", "b": "a", "c": "b", "x": ""}, "a")
        ['c', 'b', 'a']
    """
    children: dict[str, list[str]] = {}
    for span, parent in parents.items():
        children.setdefault(parent, []).append(span)
    found = {top: None}
    waiting: Sequence[str] = [top]
    while waiting:
        below = [child for span in waiting for child in children.get(span, ())]
        waiting = [span for span in dict.fromkeys(below) if span not in found]
        found |= dict.fromkeys(waiting)
    return list(reversed(found))
