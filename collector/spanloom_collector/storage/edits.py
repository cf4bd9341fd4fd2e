"""What people change about spans that are stored: their names, and that they are there at all."""

import time
from collections.abc import Sequence

from clickhouse_connect.driver.client import Client

from spanloom_collector.storage.feedback import delete_feedback_of_spans

_SPANS_PER_STATEMENT = 1_000  # their ids are one parameter, and a server takes 128 KiB of it

# Higher than the version of any record, so that no record that is sent late or again brings the
# span back. The row has the span's key and nothing else: merges drop its payloads.
_DELETE = """
INSERT INTO spans (project, trace_id, span_id, start_time, version, is_deleted)
SELECT project, trace_id, span_id, start_time, 18446744073709551615, 1
FROM spans FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND span_id IN {span_ids:Array(String)}
"""

# Log records carry no mark of deletion, since none of them shows without its span.
_DELETE_LOGS = """
DELETE FROM span_logs
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND span_id IN {span_ids:Array(String)}
"""


def delete_spans(client: Client, project: str, trace_id: str, span_ids: Sequence[str]) -> None:
    """Delete spans of a trace, their log records and what was said about them, for good.

    They go in the order in which they are given, some at a time: with those that hold others last,
    a delete that was broken off can be asked for again.

    Args:
        client: the writing client.
        project: whose they are.
        trace_id: of which trace.
        span_ids: which ones; those that are not stored are passed over.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError: some may not be deleted.
    """
    for some_ids in _parts(span_ids):
        delete_feedback_of_spans(client, project, trace_id, some_ids)
        parameters = {"project": project, "trace_id": trace_id, "span_ids": some_ids}
        client.command(_DELETE_LOGS, parameters)
        # Spans with odd clocks may lie in any month.
        client.command(_DELETE, parameters, settings={"max_partitions_per_insert_block": 0})


_RENAME = """
INSERT INTO display_names (project, trace_id, span_id, display_name, version)
SELECT {project:String}, {trace_id:String}, {span_id:String}, {display_name:String},
       greatest(max(version) + 1, {now:UInt64})
FROM display_names
WHERE project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
"""


def rename_span(
    client: Client, project: str, trace_id: str, span_id: str, display_name: str
) -> None:
    """Give a span a name that is shown instead of its own; an empty one takes it away again."""
    parameters = {
        "project": project,
        "trace_id": trace_id,
        "span_id": span_id,
        "display_name": display_name,
        "now": time.time_ns(),
    }
    client.command(_RENAME, parameters)


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[at : at + _SPANS_PER_STATEMENT])
            for at in range(0, len(ids), _SPANS_PER_STATEMENT)]  # fmt: skip
