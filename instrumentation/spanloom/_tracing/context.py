"""What surrounds a call: the call it runs in and the attributes it inherits."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from opentelemetry.util.types import AttributeValue

from spanloom._client import ambient_attributes, current_settings
from spanloom._outgoing.redaction import MASK, redactor_of
from spanloom._settings import Settings
from spanloom._values.encode import clean_text, encode
from spanloom.errors import ConfigurationError, NoCurrentCallError

if TYPE_CHECKING:
    from spanloom._tracing.call import Call

current_call: "Final[ContextVar[Call | None]]" = ContextVar("spanloom_call", default=None)
"""The innermost traced call that this task or thread runs in."""

_INT64: Final = range(-(2**63), 2**63)


def get_current_call() -> "Call | None":
    """Return the innermost call that this code runs in, or None outside of every op."""
    return current_call.get()


def require_current_call() -> "Call":
    """Return the innermost call that this code runs in.

    Raises:
        NoCurrentCallError: outside of every op, and when nothing is traced.
    """
    call = current_call.get()
    if call is None:
        raise NoCurrentCallError(
            "no call is running here: use this inside a function decorated with @spanloom.op,"
            " after spanloom.init(); get_current_call() returns None instead of raising"
        )
    return call


@contextmanager
def attributes(attributes: Mapping[str, object]) -> Iterator[None]:
    """Put attributes on every span that starts inside, in this thread or task and its children.

    Levels merge, the inner one wins. Nested mappings become dotted names; what OpenTelemetry
    attributes cannot hold becomes JSON text; values under secret-looking keys become ``***``.

    Args:
        attributes: attribute name to value, such as ``{"session.id": "s1", "ab": {"arm": "b"}}``.

    Raises:
        ConfigurationError: it is no mapping.

    Example:
        >>> with attributes({"release": "2026-11", "ab": {"arm": "b"}}):
        ...     pass
    """
    if not isinstance(attributes, Mapping):
        raise ConfigurationError(f"attributes() takes a mapping, not {attributes!r}")
    outer = ambient_attributes.get() or {}
    token = ambient_attributes.set({**outer, **flatten(attributes)})
    try:
        yield
    finally:
        ambient_attributes.reset(token)


def flatten(
    attributes: Mapping[str, object], prefix: str = "", settings: Settings | None = None
) -> dict[str, AttributeValue]:
    """Return span attributes for any mapping; nested mappings get dotted names, None is left out.

    Example:
        >>> flatten({"ab": {"arm": "b"}, "n": 1})
        {'ab.arm': 'b', 'n': 1}
    """
    settings = settings or current_settings()
    flat: dict[str, AttributeValue] = {}
    for key, value in attributes.items():
        name = prefix + clean_text(str(key))
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{name}.", settings))
        elif value is not None:
            flat[name] = _attribute_value(name, value, settings)
    return flat


def _attribute_value(name: str, value: object, settings: Settings) -> AttributeValue:
    if isinstance(value, bool | float) or (isinstance(value, int) and value in _INT64):
        return value
    redactor = redactor_of(settings)
    if redactor is not None and redactor.is_secret(name):
        return MASK
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return [clean_text(item) for item in value]
    return encode(value, settings)
