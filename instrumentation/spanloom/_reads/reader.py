"""What a client can ask the server about its project."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spanloom.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from spanloom._api import Api
    from spanloom._reads.call import RecordedCall
    from spanloom._reads.calls import Calls
    from spanloom._settings import Settings


class Reader:
    """Reads of one project. They see all that was flushed before they are made."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def settings(self) -> Settings:
            """Which server, project and token."""

    @property
    def api(self) -> "Api":
        """What asks the server; shared by all clients of these settings."""
        from spanloom._api import shared_api  # http.client takes its time to load

        return shared_api(self.settings)

    def call_url(self, trace_id: str, span_id: str) -> str:
        """Return the address of a call's page."""
        project = quote(self.settings.project, safe="")
        return f"{self.settings.endpoint}/p/{project}/traces/{trace_id}?span={span_id}"

    def calls(
        self,
        *,
        where: str | None = None,
        op: Any = None,
        trace_id: str | None = None,
        parent_id: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        roots_only: bool = False,
        started_from: datetime | None = None,
        started_before: datetime | None = None,
        sort: str = "-start_time",
        limit: int | None = None,
        columns: Sequence[str] | None = None,
        payloads: bool = True,
        page_size: int = 1_000,
    ) -> "Calls":
        """Return the project's calls, all conditions holding, read as they are walked through.

        Args:
            where: a filter, such as ``"status = 'error' AND attributes.user = 'ann'"``.
            op: an op, or its name.
            trace_id: of one trace.
            parent_id: directly below one span.
            kind: one of ``spanloom.conventions.OP_KINDS``.
            status: ok, error, unset, running or lost.
            roots_only: only roots of traces.
            started_from: at or after this moment; without a time zone, it is local time.
            started_before: before this moment.
            sort: start_time, duration_ms, name or total_tokens; ``-`` in front: descending.
            limit: at most so many.
            columns: only these of the API's columns; what else is looked at is fetched then.
            payloads: False leaves out inputs, output and attributes until they are looked at.
            page_size: how many are read at once, at most 1,500.

        Raises:
            ConfigurationError: limit or page_size cannot work.

        Example:
            >>> slow = client.calls(op="answer", where="duration_ms > 1000")  # doctest: +SKIP
            >>> slow[0].inputs  # doctest: +SKIP
        """
        from spanloom._reads.calls import PAGE_MAX_CALLS, Calls

        if limit is not None and limit < 0:
            raise ConfigurationError(f"limit must not be negative, but is {limit}")
        if not 1 <= page_size <= PAGE_MAX_CALLS:
            raise ConfigurationError(f"page_size must be 1 to {PAGE_MAX_CALLS}, not {page_size}")
        query = {
            "where": where,
            "op": getattr(op, "name", op),
            "trace_id": trace_id,
            "parent_span_id": parent_id,
            "kind": kind,
            "status": status,
            "roots_only": roots_only or None,
            "started_from": _written(started_from),
            "started_before": _written(started_before),
            "sort": sort,
            "columns": None if columns is None else ",".join(columns),
            "payloads": None if payloads else False,
        }
        return Calls(self, query, limit, page_size)

    def call(self, id: str, *, trace_id: str | None = None) -> "RecordedCall":
        """Return one call with all that was recorded.

        Args:
            id: the span's id, 16 hex digits.
            trace_id: its trace, which makes it faster to find.

        Raises:
            NotFoundError: the project has no such call.
        """
        from spanloom._reads.call import RecordedCall

        query = {"span_id": id, "trace_id": trace_id, "limit": 1}
        found = self.api.get(self.api.path("calls"), query)["calls"]
        if not found:
            detail = f"project {self.settings.project!r} has no call {id}"
            raise NotFoundError(404, "Not found", detail)
        return RecordedCall(self, found[0])


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone().isoformat()
