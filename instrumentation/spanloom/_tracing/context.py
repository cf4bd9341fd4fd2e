"""What surrounds a call: the call it runs in and the attributes it inherits."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._client import current_settings
from spanloom._outgoing.redaction import MASK, redactor_of
from spanloom._settings import Settings
from spanloom._surroundings import ATTRIBUTES_KEY, CALL_KEY, extended, leave, merged, variable
from spanloom._values.encode import clean_text, encode
from spanloom.errors import ConfigurationError, NoCurrentCallError

if TYPE_CHECKING:
    from spanloom._tracing.call import Call

_INT64: Final = range(-(2**63), 2**63)


def current_call() -> "Call | None":
    """Return the innermost call that this code runs in, or None outside of every op.

    In a trace that is not sampled it is the root's, which takes everything and records nothing.
    """
    found: Any = variable.get().get(CALL_KEY)
    return found  # type: ignore[no-any-return]


get_current_call = current_call


def require_current_call() -> "Call":
    """Return the innermost call that this code runs in.

    Raises:
        NoCurrentCallError: outside of every op, and when nothing is traced.
    """
    call = current_call()
    if call is None:
        raise NoCurrentCallError(
            "no call is running here: use this inside a function decorated with @spanloom.op,"
            " after spanloom.init(); current_call() returns None instead of raising"
        )
    return call


@contextmanager
def attributes(
    attributes: Mapping[str, object] | None = None,
    /,
    *,
    session: str | None = None,
    user: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, object] | None = None,
) -> Iterator[None]:
    """Put attributes on every span that starts inside, in this thread or task and its children.

    Levels merge, the inner one wins; tags add up. Nested mappings become dotted names; what
    OpenTelemetry attributes cannot hold becomes JSON text; values under secret-looking keys
    become ``***``.

    Args:
        attributes: attribute name to value, such as ``{"release": "7", "ab": {"arm": "b"}}``.
        session: the session that the calls belong to (``session.id``).
        user: on whose behalf they are made (``user.id``).
        tags: words to find them by (``tag.tags``).
        metadata: facts of the app's own, name to value (``metadata.<name>``).

    Raises:
        ConfigurationError: the attributes are no mapping, or the tags one string.

    Example:
        >>> with attributes({"ab": {"arm": "b"}}, user="u1", tags=["beta"]):
        ...     pass
    """
    if attributes is not None and not isinstance(attributes, Mapping):
        raise ConfigurationError(f"attributes() takes a mapping, not {attributes!r}")
    named: dict[str, object] = {
        conventions.SESSION_ID: session,
        conventions.USER_ID: user,
        conventions.TAGS: checked_tags(tags) or None,
    }
    given = {name: value for name, value in named.items() if value is not None}
    noted = flatten(metadata or {}, conventions.METADATA_PREFIX)
    with _inherited({**flatten({**(attributes or {}), **given}), **noted}):
        yield


@contextmanager
def thread(thread_id: str | None = None) -> Iterator[str]:
    """Make every call inside part of one conversation (``gen_ai.conversation.id``).

    Args:
        thread_id: the conversation's id; a new one by default.

    Yields:
        The id.

    Example:
        >>> with thread("support-17") as thread_id:
        ...     thread_id
        'support-17'
    """
    thread_id = thread_id or str(uuid.uuid4())
    with _inherited({conventions.CONVERSATION_ID: clean_text(thread_id)}):
        yield thread_id


@contextmanager
def _inherited(additions: Mapping[str, AttributeValue]) -> Iterator[None]:
    context = variable.get()
    outer: Any = context.get(ATTRIBUTES_KEY)
    token = variable.set(extended(context, {ATTRIBUTES_KEY: merged(outer, additions)}))
    try:
        yield
    finally:
        leave(token)


def checked_tags(tags: object) -> list[str]:
    """Return tags as a list; raise ConfigurationError when they are one string or none at all."""
    if isinstance(tags, str) or not isinstance(tags, Sequence | set | frozenset):
        raise ConfigurationError(f"tags are a list such as ['beta'], not {tags!r}")
    return [clean_text(str(tag)) for tag in tags]


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
