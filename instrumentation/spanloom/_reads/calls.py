"""A list of calls that is read as it is walked through."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from spanloom._reads.call import RecordedCall

if TYPE_CHECKING:
    from spanloom._reads.reader import Reader

PAGE_MAX_CALLS: Final = 1_500
"""The most that the server gives at once."""


class Page(NamedTuple):
    """Where a page begins, and how many calls it may have."""

    cursor: str | None
    limit: int


class Calls:
    """Calls of a project, read page by page as they are wanted; made by ``Client.calls``.

    Nothing is asked before it is looked at, nothing is kept: to walk through it again is to ask
    again. ``len`` counts at the server; an index or a slice reads no more calls than it needs.

    Example:
        >>> calls = client.calls(op="answer", where="duration_ms > 1000")  # doctest: +SKIP
        >>> for call in calls:  # doctest: +SKIP
        ...     print(call.inputs, call.output)
        >>> frame = calls.to_polars()  # doctest: +SKIP
    """

    __slots__ = ("_limit", "_page_size", "_query", "_reader")

    def __init__(
        self,
        reader: "Reader",
        query: Mapping[str, object],
        limit: int | None = None,
        page_size: int = 1_000,
    ) -> None:
        self._reader = reader
        self._query = query
        self._limit = limit
        self._page_size = page_size

    def __iter__(self) -> Iterator[RecordedCall]:
        return self._between(0, self._limit)

    def __len__(self) -> int:
        path = self._reader.api.path("calls", "count")
        shown_only = ("sort", "columns", "payloads")
        filters = {name: value for name, value in self._query.items() if name not in shown_only}
        count = int(self._reader.api.get(path, filters)["count"])
        return count if self._limit is None else min(count, self._limit)

    @overload
    def __getitem__(self, place: int) -> RecordedCall: ...
    @overload
    def __getitem__(self, place: slice) -> list[RecordedCall]: ...
    def __getitem__(self, place: int | slice) -> RecordedCall | list[RecordedCall]:
        if isinstance(place, slice):
            return self._sliced(place)
        start = place if place >= 0 else place + len(self)
        if start >= 0:
            for call in self._between(start, start + 1):
                return call
        raise IndexError(f"there is no call number {place}")

    def to_arrow(self) -> Any:
        """Return the calls as a ``pyarrow.Table``; inputs, output and attributes are JSON text.

        Attributes leave out lists, maps and bytes.

        Raises:
            MissingLibraryError: pyarrow is not installed; says the command.
        """
        from spanloom._reads import frames

        return frames.to_arrow(self.arrow_pages())

    def to_polars(self) -> Any:
        """Return the calls as a ``polars.DataFrame``; see :meth:`to_arrow`."""
        from spanloom._reads import frames

        return frames.to_polars(self.arrow_pages())

    def to_pandas(self) -> Any:
        """Return the calls as a ``pandas.DataFrame``; see :meth:`to_arrow`."""
        from spanloom._reads import frames

        return frames.to_pandas(self.arrow_pages())

    def arrow_pages(self) -> Iterator[bytes]:
        """Return the calls as Arrow IPC streams, one a page, at least one."""
        from spanloom._api import ARROW_MEDIA_TYPE, NEXT_CURSOR_HEADER

        api = self._reader.api
        left_count = self._limit
        cursor: str | None = None
        while True:
            page = Page(cursor, _page_limit(PAGE_MAX_CALLS, left_count))
            query = {**self._query, **page._asdict(), "format": "arrow"}
            with api.download(api.path("calls"), query, media_type=ARROW_MEDIA_TYPE) as stream:
                yield stream.read()
                cursor = stream.headers.get(NEXT_CURSOR_HEADER)
            left_count = None if left_count is None else left_count - page.limit
            if cursor is None or left_count == 0:
                return

    def __repr__(self) -> str:
        query = ", ".join(f"{name}={value!r}" for name, value in self._query.items() if value)
        return f"Calls({query})"

    def _sliced(self, place: slice) -> list[RecordedCall]:
        is_ahead = all(at is None or at >= 0 for at in (place.start, place.stop, place.step or 1))
        if not is_ahead or (place.step or 1) < 0:  # counted from the end
            chosen = range(len(self))[place]
            if not chosen:
                return []
            first, last = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
            return list(self._between(first, last + 1))[:: place.step]
        return list(self._between(place.start or 0, place.stop))[:: place.step]

    def _between(self, start: int, stop: int | None) -> Iterator[RecordedCall]:
        """Yield the calls from one place up to another, within the limit."""
        bounds = [bound for bound in (stop, self._limit) if bound is not None]
        stop = min(bounds) if bounds else None
        cursor, is_over = self._cursor_after(start)
        left_count = None if stop is None else stop - start
        while not is_over and (left_count is None or left_count > 0):
            page = self._page(Page(cursor, _page_limit(self._page_size, left_count)))
            for recorded in page["calls"]:
                yield RecordedCall(self._reader, recorded)
            left_count = None if left_count is None else left_count - len(page["calls"])
            cursor = page["next_cursor"]
            is_over = cursor is None

    def _cursor_after(self, count: int) -> tuple[str | None, bool]:
        """Return where the calls after the first ones begin, and whether there are none."""
        cursor: str | None = None
        while count > 0:
            page = self._page(Page(cursor, min(PAGE_MAX_CALLS, count)), columns="span_id")
            count -= len(page["calls"])
            cursor = page["next_cursor"]
            if cursor is None:
                return None, True
        return cursor, False

    def _page(self, page: Page, **changed: object) -> Any:
        api = self._reader.api
        return api.get(api.path("calls"), {**self._query, **page._asdict(), **changed})


def _page_limit(page_size: int, left_count: int | None) -> int:
    return page_size if left_count is None else min(page_size, left_count)
