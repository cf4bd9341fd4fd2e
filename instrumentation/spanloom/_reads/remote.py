"""What can be done with any call that the server knows, running, finished or read back."""

from typing import TYPE_CHECKING

from spanloom._reads.feedback import CallFeedback

if TYPE_CHECKING:
    from spanloom._reads.calls import Calls
    from spanloom._reads.reader import Reader


class RemoteCall:
    """A call at the server. Its methods raise ``UnreachableError`` or ``ServerError``."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def id(self) -> str:
            """The span's id: 16 lower-case hex digits."""

        @property
        def trace_id(self) -> str:
            """The trace's id: 32 lower-case hex digits."""

    def _reader(self, *, delivered: bool) -> "Reader":
        """Return what asks the server; with ``delivered``, once the call itself is there."""
        raise NotImplementedError

    @property
    def feedback(self) -> CallFeedback:
        """Reactions, notes and scores: add, iterate, delete."""
        return CallFeedback(self._reader(delivered=False).api, self.trace_id, self.id)

    def children(self) -> "Calls":
        """Return the calls directly below this one, in order of their start."""
        reader = self._reader(delivered=True)
        return reader.calls(trace_id=self.trace_id, parent_id=self.id, sort="start_time")

    def rename(self, display_name: str | None) -> None:
        """Show the call under another name, which no later record undoes; None: its own again.

        Raises:
            NotFoundError: the server has no such call.
        """
        api = self._reader(delivered=True).api
        # The same name twice is the same name.
        api.patch(self._path(), {"display_name": display_name}, idempotent=True)

    def delete(self) -> int:
        """Delete the call, all calls below it and what was said about them, for good.

        Returns:
            How many calls that were.
        """
        deleted = self._reader(delivered=True).api.delete(self._path())
        return int(deleted["deleted_count"])

    def _path(self) -> str:
        api = self._reader(delivered=False).api
        return api.path("traces", self.trace_id, "spans", self.id)
