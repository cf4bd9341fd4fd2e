"""Calls of code that is no function of its own: the body of a ``with`` block."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from spanloom._client import state
from spanloom._tracing.call import (
    NOTHING,
    Call,
    Wishes,
    close_call,
    fail_call,
    open_call,
    untraced_call,
)
from spanloom._tracing.spec import Spec, block_spec


class Block:
    """A ``with`` block that is recorded as a call; made by :func:`span`."""

    def __init__(
        self,
        spec: Spec,
        inputs: Mapping[str, object] | None,
        attributes: Mapping[str, object] | None,
    ) -> None:
        self._spec = spec
        self._inputs = inputs
        self._wishes = Wishes(attributes=attributes) if attributes else None
        self._call = untraced_call(spec)

    def __enter__(self) -> Call:
        client = state.client
        if client is not None:
            call = open_call(self._spec, client, (), dict(self._inputs or {}), self._wishes)
            self._call = call or self._call
        return self._call

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        call = self._call
        if error is not None:
            fail_call(call, error)
        else:
            output = call._set_output
            close_call(call, None if output is NOTHING else output, output)


def span(
    name: str,
    *,
    kind: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    attributes: Mapping[str, object] | None = None,
) -> Block:
    """Record the body of a ``with`` block as a call.

    Works in async code as well. The block yields the Call; ``set_output``, ``set_attributes``,
    ``set_usage`` and ``set_error`` say more about it. Before ``init`` nothing is recorded.

    Args:
        name: what to call it.
        kind: what it is for, one of ``spanloom.conventions.OP_KINDS``.
        inputs: what it works on, name to value, recorded as it is now.
        attributes: span attributes.

    Raises:
        ConfigurationError: there is no such kind.

    Example:
        >>> with span("look up", kind="retriever", inputs={"query": "Paris"}) as call:
        ...     documents = ["Paris is a city."]
        ...     call.set_output(documents)
    """
    return Block(block_spec(name, kind, has_inputs=inputs is not None), inputs, attributes)
