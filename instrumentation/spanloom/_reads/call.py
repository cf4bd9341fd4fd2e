"""A call as it was recorded."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spanloom._reads.remote import RemoteCall

if TYPE_CHECKING:
    from spanloom._reads.reader import Reader


class RecordedCall(RemoteCall):
    """A call that the server has, with the names of :class:`spanloom.Call`.

    It holds what was recorded when it was read. What a list left out (``payloads=False``) is
    fetched when it is first looked at.
    """

    __slots__ = ("_recorded", "_source")

    def __init__(self, source: "Reader", recorded: Mapping[str, Any]) -> None:
        self._source = source
        self._recorded = dict(recorded)

    @property
    def id(self) -> str:
        """The span's id: 16 lower-case hex digits."""
        return str(self._recorded["span_id"])

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 lower-case hex digits."""
        return str(self._recorded["trace_id"])

    @property
    def parent_id(self) -> str | None:
        """The id of the span above, or None for the root of a trace."""
        return self._value("parent_span_id")  # type: ignore[no-any-return]

    @property
    def op_name(self) -> str:
        """The op's name, ``function`` or ``Class.method``; of any other span its name."""
        return str(self._value("op_name"))

    @property
    def display_name(self) -> str:
        """The name that somebody gave to the call, else the span's."""
        return str(self._value("display_name"))

    @property
    def kind(self) -> str:
        """What it is for, one of ``spanloom.conventions.OP_KINDS``; empty when unknown."""
        return str(self._value("kind"))

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments, name to plain JSON data; an input that is no object is ``inputs``."""
        recorded = self._value("input")
        if recorded is None:
            return {}
        return recorded if isinstance(recorded, dict) else {"inputs": recorded}

    @property
    def output(self) -> Any:
        """What the call returned, as plain JSON data; None while it runs and when it failed."""
        return self._value("output")

    @property
    def error(self) -> str | None:
        """What went wrong, or None."""
        return str(self._value("status_message")) if self.status == "error" else None

    @property
    def status(self) -> str:
        """``ok``, ``error``, ``unset`` (ended, nothing said), ``running`` or ``lost``."""
        return str(self._value("status"))

    @property
    def started_at(self) -> datetime:
        """When the call began, in UTC."""
        return _moment(self._value("start_time_unix_nano"))

    @property
    def ended_at(self) -> datetime | None:
        """When the call ended, in UTC; None while it runs."""
        end = self._value("end_time_unix_nano")
        return None if end is None else _moment(end)

    @property
    def duration_ms(self) -> float | None:
        """How long it took, in milliseconds; None while it runs."""
        return self._value("duration_ms")  # type: ignore[no-any-return]

    @property
    def model(self) -> str | None:
        """The model that was called, or None."""
        return self._value("model")  # type: ignore[no-any-return]

    @property
    def input_tokens(self) -> int | None:
        """Tokens of the prompt that the call itself reports; None when it reports none."""
        return self._value("input_tokens")  # type: ignore[no-any-return]

    @property
    def output_tokens(self) -> int | None:
        """Tokens of the answer that the call itself reports; None when it reports none."""
        return self._value("output_tokens")  # type: ignore[no-any-return]

    @property
    def total_tokens(self) -> int | None:
        """All tokens that the call itself reports; None when it reports none."""
        return self._value("total_tokens")  # type: ignore[no-any-return]

    @property
    def cost_usd(self) -> float | None:
        """What the tokens cost, in US dollars; None while that is unknown."""
        return self._value("cost_usd")  # type: ignore[no-any-return]

    @property
    def attributes(self) -> dict[str, Any]:
        """The span's attributes besides inputs and output."""
        return dict(self._value("attributes"))

    @property
    def ui_url(self) -> str:
        """The address of this call's page."""
        return self._source.call_url(self.trace_id, self.id)

    @property
    def url(self) -> str:
        """The same as ``ui_url``."""
        return self.ui_url

    def to_dict(self) -> dict[str, Any]:
        """Return everything that was recorded, as plain JSON data under the API's names."""
        self._complete()
        return dict(self._recorded)

    def _reader(self, *, delivered: bool) -> "Reader":
        return self._source

    def _value(self, name: str) -> Any:
        if name not in self._recorded:
            self._complete()
        return self._recorded[name]

    def _complete(self) -> None:
        if "attributes" not in self._recorded or "input" not in self._recorded:
            self._recorded = self._source.call(self.id, trace_id=self.trace_id)._recorded

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordedCall):
            return NotImplemented
        return (self.trace_id, self.id) == (other.trace_id, other.id)

    def __hash__(self) -> int:
        return hash((self.trace_id, self.id))

    def __repr__(self) -> str:
        name = self._recorded.get("op_name", "")
        return f"RecordedCall(op_name={name!r}, id={self.id!r}, trace_id={self.trace_id!r})"


def _moment(unix_nano: int) -> datetime:
    return datetime.fromtimestamp(unix_nano / 1e9, UTC)
