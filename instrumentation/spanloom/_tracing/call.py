"""One call of an op: an OpenTelemetry span from its start to its end, and what the app sees of it.

Nothing in here raises into the app because of recording; what goes wrong is logged once.
"""

import traceback
from collections.abc import Mapping
from contextvars import Token
from datetime import UTC, datetime
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode
from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._client import Client, state
from spanloom._clock import time_ns
from spanloom._settings import Settings
from spanloom._tracing.context import current_call, flatten
from spanloom._tracing.spec import Spec, guarded
from spanloom._tracing.usage import read_usage
from spanloom._values.encode import clean_text, decode, encode

STACKTRACE_MAX_CHARS: Final = 32_000
MESSAGE_MAX_CHARS: Final = 4_000


class Call:
    """One call of an op. Untraced calls (before ``init``) have empty ids and no inputs.

    Attributes:
        op_name: the op's name, ``function`` or ``Class.method``.
        output: what the op returned; None while it runs and when it failed.
        exception: what the op raised, or None.
    """

    __slots__ = (
        "_client",
        "_context_token",
        "_current_token",
        "_ended_ns",
        "_has_usage",
        "_inputs_text",
        "_parent",
        "_request_model",
        "_span",
        "_spec",
        "_started_ns",
        "exception",
        "op_name",
        "output",
    )

    def __init__(self, spec: Spec, client: Client | None = None) -> None:
        self.op_name = spec.name
        self.output: Any = None
        self.exception: BaseException | None = None
        self._spec = spec
        self._client = client
        self._span: Span = trace.INVALID_SPAN
        self._started_ns = time_ns()
        self._ended_ns: int | None = None
        self._inputs_text: str | None = None
        self._request_model: str | None = None
        self._has_usage = False
        self._parent: Call | None = None
        self._context_token: Token[Context] | None = None
        self._current_token: Token[Call | None] | None = None

    @property
    def id(self) -> str:
        """The span's id: 16 lower-case hex digits; empty when untraced."""
        context = self._span.get_span_context()
        return f"{context.span_id:016x}" if context.is_valid else ""

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 lower-case hex digits; empty when untraced."""
        context = self._span.get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else ""

    @property
    def parent_id(self) -> str | None:
        """The id of the span that this one started in, or None for the root of a trace."""
        parent = getattr(self._span, "parent", None)
        return f"{parent.span_id:016x}" if parent is not None else None

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments as they were recorded before the op ran, name to plain JSON data."""
        recorded = decode(self._inputs_text) if self._inputs_text is not None else {}
        return recorded if isinstance(recorded, dict) else {"inputs": recorded}

    @property
    def started_at(self) -> datetime:
        """When the op began, in UTC."""
        return datetime.fromtimestamp(self._started_ns / 1e9, UTC)

    @property
    def ended_at(self) -> datetime | None:
        """When the op ended, in UTC; None while it runs."""
        return None if self._ended_ns is None else datetime.fromtimestamp(self._ended_ns / 1e9, UTC)

    @property
    def ui_url(self) -> str:
        """The address of this call's page; empty when untraced."""
        if self._client is None or not self.id:
            return ""
        return self._client.call_url(self.trace_id, self.id)

    @property
    def url(self) -> str:
        """The same as ``ui_url``."""
        return self.ui_url

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Add span attributes to a running call; nested mappings get dotted names."""
        self._span.set_attributes(flatten(attributes))

    def set_error(self, message: str) -> None:
        """Mark a running call as failed although its function returns."""
        self._span.set_status(StatusCode.ERROR, clean_text(message[:MESSAGE_MAX_CHARS]))

    def __repr__(self) -> str:
        return f"Call(op_name={self.op_name!r}, id={self.id!r}, trace_id={self.trace_id!r})"


def open_call(
    spec: Spec, client: Client, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """Record the inputs, start the span, make the call the current one; None if that fails."""
    call = prepare_call(spec, client, args, kwargs)
    if call is not None:
        start_call(call, client)
        enter_call(call)
    return call


def prepare_call(
    spec: Spec, client: Client, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """Record the inputs as they are now; None when that is not possible."""
    try:
        inputs = spec.bind(args, kwargs)
        call = Call(spec, client)
        call._inputs_text = encode(inputs, client.settings)
        if isinstance(inputs, dict) and isinstance(inputs.get("model"), str):
            call._request_model = clean_text(inputs["model"])
    except Exception:  # noqa: BLE001  # recording must not keep the op from running
        state.report_fault(f"calls of {spec.name} cannot be recorded")
        return None
    return call


def start_call(call: Call, client: Client) -> None:
    """Start the span, inside whatever call is the current one."""
    spec = call._spec
    call._parent = current_call.get()
    call._started_ns = time_ns()
    attributes = {
        **spec.attributes,
        conventions.INPUT_VALUE: call._inputs_text,
        conventions.INPUT_MIME_TYPE: conventions.JSON_MIME_TYPE,
    }
    try:
        call._span = client.tracer.start_span(
            spec.name, attributes=attributes, start_time=call._started_ns
        )
    except Exception:  # noqa: BLE001  # a foreign provider's fault; the op runs untraced
        state.report_fault(f"no span can be started for {spec.name}")


def enter_call(call: Call) -> None:
    """Make a call the current one."""
    call._context_token = otel_context.attach(trace.set_span_in_context(call._span))
    call._current_token = current_call.set(call)


def leave_call(call: Call) -> None:
    """Make the call before this one the current one again."""
    current_token, context_token = call._current_token, call._context_token
    if current_token is None or context_token is None:
        return
    call._current_token = call._context_token = None
    try:
        current_call.reset(current_token)
    except ValueError:
        return  # closed from another context, by the garbage collector: nothing to restore there
    otel_context.detach(context_token)


def close_call(call: Call, output: object) -> None:
    """Leave a call, record what it returned, and end the span."""
    call._ended_ns = time_ns()
    leave_call(call)
    call.output = output
    try:
        try:
            if call._client is not None and call._span.is_recording():
                call._span.set_attributes(_output_attributes(call, output, call._client.settings))
        finally:
            call._span.end(call._ended_ns)
    except Exception:  # noqa: BLE001  # the op has succeeded, whatever becomes of its record
        state.report_fault(f"the output of {call.op_name} cannot be recorded")


def fail_call(call: Call, error: BaseException) -> None:
    """Leave a call, record what it raised, and end the span."""
    call._ended_ns = time_ns()
    leave_call(call)
    call.exception = error
    try:
        try:
            if call._span.is_recording():
                _record_exception(call._span, error, call._ended_ns)
        finally:
            call._span.end(call._ended_ns)
    except Exception:  # noqa: BLE001  # the app must see its own exception
        state.report_fault(f"the failure of {call.op_name} cannot be recorded")


def _output_attributes(call: Call, output: object, settings: Settings) -> dict[str, AttributeValue]:
    if call._spec.postprocess_output is not None:
        recorded = guarded(call._spec.postprocess_output, output)
    else:
        recorded = output
    attributes: dict[str, AttributeValue] = {
        conventions.OUTPUT_VALUE: encode(recorded, settings),
        conventions.OUTPUT_MIME_TYPE: conventions.JSON_MIME_TYPE,
    }
    if call._request_model is not None and call._spec.kind == "llm":
        attributes[conventions.GEN_AI_REQUEST_MODEL] = call._request_model
    # A wrapper that hands an answer on has not used the tokens a second time.
    if not call._has_usage:
        attributes.update(_usage_attributes(call, output))
    return attributes


def _usage_attributes(call: Call, output: object) -> dict[str, str | int]:
    usage = read_usage(output)
    if usage is None:
        return {}
    above = call._parent
    while above is not None and not above._has_usage:
        above._has_usage = True
        above = above._parent
    attributes = usage.attributes()
    if call._request_model is not None:
        attributes[conventions.GEN_AI_REQUEST_MODEL] = call._request_model
    return attributes


def _record_exception(span: Span, error: BaseException, now_ns: int) -> None:
    kind = type(error)
    in_module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    message = text_of_exception(error)
    stacktrace = "".join(traceback.format_exception(error))[-STACKTRACE_MAX_CHARS:]
    event = {
        conventions.EXCEPTION_TYPE: in_module + kind.__qualname__,
        conventions.EXCEPTION_MESSAGE: message,
        conventions.EXCEPTION_STACKTRACE: clean_text(stacktrace),
    }
    span.add_event(conventions.EXCEPTION_EVENT, event, now_ns)
    span.set_attribute(conventions.ERROR_TYPE, kind.__qualname__)
    span.set_status(StatusCode.ERROR, f"{kind.__name__}: {message}" if message else kind.__name__)


def text_of_exception(error: BaseException) -> str:
    """Return an exception's message, also when its ``__str__`` raises."""
    try:
        return clean_text(str(error)[:MESSAGE_MAX_CHARS])
    except Exception as fault:  # noqa: BLE001  # the app's own __str__
        return f"<its text raised {type(fault).__name__}>"
