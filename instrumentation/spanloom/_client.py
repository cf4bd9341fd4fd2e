"""What ``init`` makes, and the process's one client: the only global state of the SDK."""

import atexit
import dataclasses
import logging
import os
import threading
import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from opentelemetry.trace import Tracer
from opentelemetry.util.types import AttributeValue

from spanloom._settings import Settings, read_settings
from spanloom._version import __version__
from spanloom.conventions import SCHEMA_URL, SCOPE_NAME
from spanloom.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from spanloom._api import Api
    from spanloom._export import Exporter
    from spanloom._provider import Hookup

logger: Final = logging.getLogger("spanloom")

ambient_attributes: Final[ContextVar[Mapping[str, AttributeValue] | None]] = ContextVar(
    "spanloom_attributes", default=None
)
"""What every span started in this context carries."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Client:
    """Where this process's spans go. Made by :func:`init`."""

    settings: Settings
    tracer: Tracer
    processor: "SpanProcessor"
    """Takes the finished spans."""
    attributes: Mapping[str, AttributeValue] = dataclasses.field(default_factory=dict)
    """What describes the process, besides the settings."""

    @property
    def project(self) -> str:
        """The project, as ``name`` or ``entity/name``."""
        return self.settings.project

    @property
    def endpoint(self) -> str:
        """The server's base URL."""
        return self.settings.endpoint

    @property
    def api(self) -> "Api":
        """What asks the server; shared by all clients of these settings."""
        from spanloom._api import shared_api  # http.client takes its time to load

        return shared_api(self.settings)

    def call_url(self, trace_id: str, span_id: str) -> str:
        """Return the address of a call's page."""
        project = quote(self.settings.project, safe="")
        return f"{self.settings.endpoint}/p/{project}/traces/{trace_id}?span={span_id}"

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Deliver every call that has finished so far; False when that did not succeed in time."""
        return self.processor.force_flush(int(timeout_s * 1000))


class State:
    """The process's current client, and how it is connected with OpenTelemetry."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.hookup: Hookup | None = None
        self.joined_attributes: Mapping[str, AttributeValue] | None = None
        self.exporters: weakref.WeakSet[Exporter] = weakref.WeakSet()
        self.retiring: list[threading.Thread] = []
        self._reported: set[str] = set()

    def surroundings(self) -> Mapping[str, AttributeValue] | None:
        """Return the attributes that a span started here and now gets."""
        ambient = ambient_attributes.get()
        if ambient and self.joined_attributes:
            return {**self.joined_attributes, **ambient}
        return ambient or self.joined_attributes

    def install(self, client: Client | None) -> None:
        """Make a client the current one."""
        self.client = client
        if self.hookup is not None:
            self.hookup.relay.target = client.processor if client else None

    def report_fault(self, message: str) -> None:
        """Log a fault of recording, with the exception being handled, once for each message."""
        self.say_once(message, with_traceback=True)

    def say_once(self, message: str, *, with_traceback: bool = False) -> None:
        """Log a message the first time that it comes up."""
        if message not in self._reported:
            self._reported.add(message)
            logger.warning("%s", message, exc_info=with_traceback)

    def forget_said(self) -> None:
        """Let every message come up again."""
        self._reported.clear()


state: Final = State()


def init(
    project: str | None = None,
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    service_name: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Client:
    """Start recording: from now on every op's calls are sent to a Spanloom server.

    Never waits for the network and never fails because of it: a server that is down is tried
    again in the background. Called again, it replaces the client; what the old one still holds
    is delivered in the background.

    Args:
        project: ``"project"`` or ``"entity/project"``; else SPANLOOM_PROJECT; else ``default``.
        endpoint: the server's base URL; else SPANLOOM_ENDPOINT; else http://127.0.0.1:4319.
        api_key: sent as a bearer token; else SPANLOOM_API_KEY; else none.
        service_name: OpenTelemetry's ``service.name``; else the name of the program.
        attributes: described once for the process, such as ``deployment.environment.name``.
        settings: anything else of ``spanloom.Settings``, name to value.

    Raises:
        ConfigurationError: an argument or SPANLOOM_* variable cannot work.

    Example:
        >>> client = init("my-team/my-project", service_name="checkout")
        >>> client.project
        'my-team/my-project'
        >>> finish()
    """
    from spanloom._export import Exporter

    given = dict(settings or {})
    named = {"project": project, "endpoint": endpoint, "api_key": api_key}
    for name, value in {**named, "service_name": service_name}.items():
        if value is not None:
            given[name] = value
    merged = read_settings(given, os.environ)
    exporter = Exporter(merged)
    described = dict(attributes or {})
    client = Client(merged, connect(merged, described), exporter, described)
    replaced = state.client
    state.exporters.add(exporter)
    state.install(client)
    if replaced is not None:
        _retire(replaced)
    return client


def connect(settings: Settings, attributes: Mapping[str, AttributeValue]) -> Tracer:
    """Return a tracer whose spans reach the current client, and describe the process to it."""
    from spanloom import _provider

    if state.hookup is None:
        state.hookup = _provider.hook_up(state.surroundings)
        _register_process_hooks()
    provider = state.hookup.provider
    if isinstance(provider, _provider.Provider):
        provider.describe(_provider.make_resource(settings, attributes))
    else:
        state.joined_attributes = attributes
    return provider.get_tracer(SCOPE_NAME, __version__, SCHEMA_URL)


def finish() -> None:
    """Deliver what is left, for at most ``exit_timeout_s`` seconds, and stop recording.

    Happens by itself when the process ends. Ops go on working, untraced.
    """
    client = state.client
    state.install(None)
    if client is not None:
        client.processor.shutdown()


def flush(timeout_s: float = 10.0) -> bool:
    """Deliver every call that has finished so far.

    Args:
        timeout_s: how long to wait at most, in seconds.

    Returns:
        Whether all of them reached the server. True when there is nothing to deliver.
    """
    client = state.client
    return client is None or client.flush(timeout_s)


def get_client() -> Client | None:
    """Return the client that :func:`init` made, or None before it and after ``finish``."""
    return state.client


def current_settings() -> Settings:
    """Return the client's settings; without one those of the environment."""
    client = state.client
    if client is not None:
        return client.settings
    try:
        return read_settings({}, os.environ)
    except ConfigurationError:
        return Settings()


def _retire(client: Client) -> None:
    state.retiring = [thread for thread in state.retiring if thread.is_alive()]
    thread = threading.Thread(target=client.processor.shutdown, name="spanloom-retire", daemon=True)
    thread.start()
    state.retiring.append(thread)


def _register_process_hooks() -> None:
    atexit.register(_leave)
    if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows cannot fork
        os.register_at_fork(
            before=_before_fork,
            after_in_parent=_after_fork_in_parent,
            after_in_child=_after_fork_in_child,
        )


def _leave() -> None:
    timeout_s = current_settings().exit_timeout_s
    finish()
    for thread in state.retiring:
        thread.join(timeout_s)


def _before_fork() -> None:
    for exporter in list(state.exporters):
        exporter.before_fork()


def _after_fork_in_parent() -> None:
    for exporter in list(state.exporters):
        exporter.after_fork_in_parent()


def _after_fork_in_child() -> None:
    state.retiring = []
    for exporter in list(state.exporters):
        exporter.after_fork_in_child()
