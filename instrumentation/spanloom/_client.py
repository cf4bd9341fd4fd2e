"""What ``init`` makes, and the process's one client: the only global state of the SDK."""

import atexit
import dataclasses
import logging
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from opentelemetry.util.types import AttributeValue

from spanloom._reads.reader import Reader
from spanloom._settings import Settings, read_settings
from spanloom._surroundings import inherited_attributes, merged
from spanloom.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from spanloom._export import Exporter
    from spanloom._outgoing.blobs import Outbox
    from spanloom._provider import Hookup, OpTracer
    from spanloom.integrations.integration import Integration
    from spanloom.integrations.switchboard import Switchboard

logger: Final = logging.getLogger("spanloom")


class Client(Reader):
    """One project at one server: where spans go, when :func:`init` made it, and what reads them.

    Made by hand it only reads: of the project and server that ``init`` named, else of those in the
    environment.

    Args:
        project: another project.
        endpoint: another server.
        api_key: another token.
        settings: all of it, instead.
        tracer: makes the spans.
        processor: takes the finished spans.
        attributes: what describes the process, besides the settings.
        outbox: takes large content; None: nowhere to go with it.

    Raises:
        ConfigurationError: an argument or SPANLOOM_* variable cannot work.

    Example:
        >>> client = Client("my-team/my-project")
        >>> client.calls(op="answer", limit=10)
        Calls(op='answer', sort='-start_time')
    """

    __slots__ = ("attributes", "outbox", "processor", "settings", "tracer")

    def __init__(
        self,
        project: str | None = None,
        *,
        endpoint: str | None = None,
        api_key: str | None = None,
        settings: Settings | None = None,
        tracer: "OpTracer | None" = None,
        processor: "SpanProcessor | None" = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        outbox: "Outbox | None" = None,
    ) -> None:
        named = {"project": project, "endpoint": endpoint, "api_key": api_key}
        self.settings: Settings = settings or _inherited_settings(named)
        self.tracer: OpTracer = tracer or _untraced()
        if processor is None:
            processor, outbox = _inherited_delivery()
        self.processor: SpanProcessor = processor
        self.outbox: Outbox | None = outbox
        self.attributes: Mapping[str, AttributeValue] = attributes or {}

    @property
    def project(self) -> str:
        """The project, as ``name`` or ``entity/name``."""
        return self.settings.project

    @property
    def endpoint(self) -> str:
        """The server's base URL."""
        return self.settings.endpoint

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Deliver every call that has finished so far; False when that did not succeed in time."""
        until = time.monotonic() + timeout_s
        done = self.processor.force_flush(int(timeout_s * 1000))
        # Spans first: what they hold may turn into content on their way out.
        left_s = max(0.0, until - time.monotonic())
        return (self.outbox is None or self.outbox.flush(left_s)) and done

    def shut_down(self) -> None:
        """Deliver what is left, for at most ``exit_timeout_s`` seconds, and take nothing more."""
        until = time.monotonic() + self.settings.exit_timeout_s
        self.processor.shutdown()
        if self.outbox is not None:
            self.outbox.shutdown(max(0.0, until - time.monotonic()))


class State:
    """The process's current client, and how it is connected with OpenTelemetry."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.hookup: Hookup | None = None
        self.switchboard: Switchboard | None = None
        self.joined_attributes: Mapping[str, AttributeValue] | None = None
        self.exporters: weakref.WeakSet[Exporter] = weakref.WeakSet()
        self.outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()
        self.retiring: list[threading.Thread] = []
        self._reported: set[str] = set()

    def surroundings(self) -> Mapping[str, AttributeValue] | None:
        """Return the attributes that a span started here and now gets."""
        inherited = inherited_attributes()
        return merged(self.joined_attributes, inherited) if inherited else self.joined_attributes

    def redacts_late(self) -> bool:
        """Whether nobody but our delivery thread, which redacts them, gets to see payloads.

        Otherwise they are redacted when they are recorded: the app's own exporters see them too.
        """
        client, hookup = self.client, self.hookup
        return (
            client is not None
            and hookup is not None
            and getattr(client.processor, "redacts", False)
            and getattr(hookup.provider, "is_plain", False)
        )

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
    mode: Literal["online", "offline"] | None = None,
    redact: bool | Callable[[str], str] | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    integrations: bool | Sequence[str] | None = None,
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
        mode: ``"offline"`` keeps the calls on disk, for ``spanloom sync``; else SPANLOOM_OFFLINE.
        redact: False records values under secret-looking keys as they are. A function is given
            each payload as text once those are masked, and returns what is recorded instead.
        attributes: described once for the process, such as ``deployment.environment.name``.
        integrations: the model clients whose calls are recorded, such as ``["openai"]``; False for
            none, True for all that are installed; else SPANLOOM_INTEGRATIONS; else all. One that
            an earlier ``init`` has switched on stays on.
        settings: anything else of ``spanloom.Settings``, name to value.

    Raises:
        ConfigurationError: an argument or SPANLOOM_* variable cannot work.

    Example:
        >>> client = init("my-team/my-project", service_name="checkout")
        >>> client.project
        'my-team/my-project'
        >>> finish()
    """
    from spanloom._threads import patch_thread_pools
    from spanloom.integrations.switchboard import selected

    named = {
        "project": project,
        "endpoint": endpoint,
        "api_key": api_key,
        "service_name": service_name,
        "offline": _is_offline(mode),
        "redact": None if callable(redact) else redact,
        "redact_hook": redact if callable(redact) else None,
        "integrations": (str(integrations),)
        if isinstance(integrations, bool | str)
        else integrations,
    }
    given = {name: value for name, value in named.items() if value is not None}
    merged = read_settings({**(settings or {}), **given}, os.environ)
    wanted = selected(merged.integrations)
    replaced, client = state.client, _make_client(merged, dict(attributes or {}))
    state.install(client)
    patch_thread_pools(merged.propagate_to_thread_pools)
    if replaced is not None:
        _retire(replaced)
    _turn_on(wanted)
    if merged.deliver_on_sigterm:
        deliver_on_sigterm()
    return client


def _make_client(settings: Settings, described: Mapping[str, AttributeValue]) -> Client:
    from spanloom._export import Exporter
    from spanloom._outgoing.blobs import Outbox
    from spanloom._outgoing.payloads import Payloads

    # Offline there is nowhere to go with what stands beside the spans: it stays described.
    outbox = Outbox(settings) if settings.blobs and not settings.offline else None
    exporter = Exporter(settings, Payloads(settings, outbox).finished)
    state.exporters.add(exporter)
    if outbox is not None:
        state.outboxes.add(outbox)
    _end_with_the_worker(exporter)
    return Client(
        settings=settings,
        tracer=connect(settings, described),
        processor=exporter,
        attributes=described,
        outbox=outbox,
    )


def _turn_on(integrations: Sequence["Integration"]) -> None:
    from spanloom.integrations.switchboard import Switchboard

    assert state.hookup is not None
    if state.switchboard is None:
        state.switchboard = Switchboard(state.hookup.provider, state.say_once)
    state.switchboard.turn_on(integrations)


def _is_offline(mode: str | None) -> bool | None:
    if mode is None:
        return None
    if mode not in ("online", "offline"):
        raise ConfigurationError(f"mode is 'online' or 'offline', not {mode!r}")
    return mode == "offline"


def _end_with_the_worker(exporter: "Exporter") -> None:
    """Deliver at the end of a process that multiprocessing made, where atexit may not run."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from spanloom._export import end_with_the_worker

        end_with_the_worker(exporter)


def deliver_on_sigterm() -> None:
    """Let SIGTERM, where nobody handles it, wait for delivery before it ends the process."""
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if unhandled and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _deliver_and_end)


def _deliver_and_end(number: int, frame: object) -> None:
    if os.getpid() == 1:
        flush(current_settings().exit_timeout_s)  # the kernel spares the first process of a machine
        return
    signal.signal(number, signal.SIG_DFL)
    _leave()
    os.kill(os.getpid(), number)


def connect(settings: Settings, attributes: Mapping[str, AttributeValue]) -> "OpTracer":
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
    return state.hookup.op_tracer()


def finish() -> None:
    """Deliver what is left, for at most ``exit_timeout_s`` seconds, and stop recording.

    Happens by itself when the process ends. Ops go on working, untraced.
    """
    client = state.client
    state.install(None)
    if client is not None:
        client.shut_down()


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


def _inherited_settings(named: Mapping[str, object]) -> Settings:
    given = {name: value for name, value in named.items() if value is not None}
    if state.client is None:
        return read_settings(given, os.environ)
    return dataclasses.replace(state.client.settings, **given)  # type: ignore[arg-type]


def _inherited_delivery() -> "tuple[SpanProcessor, Outbox | None]":
    if state.client is not None:
        return state.client.processor, state.client.outbox
    from opentelemetry.sdk.trace import SpanProcessor

    return SpanProcessor(), None


def _untraced() -> "OpTracer":
    from opentelemetry.trace import NoOpTracer

    from spanloom._provider import PublicTracer

    return PublicTracer(NoOpTracer())


def _retire(client: Client) -> None:
    state.retiring = [thread for thread in state.retiring if thread.is_alive()]
    thread = threading.Thread(target=client.shut_down, name="spanloom-retire", daemon=True)
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
    for outbox in list(state.outboxes):
        outbox.after_fork_in_child()
