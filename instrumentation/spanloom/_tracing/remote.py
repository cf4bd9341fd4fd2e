"""Traces that go on in another process: W3C's ``traceparent``, out and in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate

from spanloom._surroundings import CALL_KEY, SPAN_KEY, extended, leave, variable


def headers() -> dict[str, str]:
    """Return the headers that make what a request causes part of the trace here and now.

    They are those of OpenTelemetry's global propagator: ``traceparent``, and ``baggage`` if the
    app has any. Put them on a request, in a message, or in a child process's arguments; take
    them up with :func:`remote_parent`, or with anything else that speaks OpenTelemetry.

    Returns:
        Header to value; empty when nothing is traced here.

    Example:
        >>> headers()
        {}
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


@contextmanager
def remote_parent(headers: Mapping[str, str]) -> Iterator[None]:
    """Make the calls inside children of the call that :func:`headers` was called in.

    Args:
        headers: all headers of a request, or just those; names in any case. Without a valid
            ``traceparent`` among them the block runs as if it were not there.

    Example:
        >>> sent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        >>> with remote_parent(sent):
        ...     headers()["traceparent"] == sent["traceparent"]
        True
    """
    before = variable.get()
    lowered = {str(name).lower(): value for name, value in headers.items()}
    context = propagate.extract(lowered, before)
    if context.get(SPAN_KEY) is not before.get(SPAN_KEY):
        context = extended(context, {CALL_KEY: None})
    token = variable.set(context)
    try:
        yield
    finally:
        leave(token)
