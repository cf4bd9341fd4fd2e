"""One call of an op: an OpenTelemetry span from its start to its end, and what the app sees of it.

Nothing in here raises into the app because of recording; what goes wrong is logged once.
"""

import random
import traceback
from collections.abc import Mapping
from contextvars import Token
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, StatusCode
from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._client import Client, state
from spanloom._clock import time_ns
from spanloom._reads.reader import Reader
from spanloom._reads.remote import RemoteCall
from spanloom._settings import Settings
from spanloom._surroundings import CALL_KEY, SPAN_KEY, UnsampledSpan, leave, variable
from spanloom._tracing.context import flatten
from spanloom._tracing.spec import Spec, guarded
from spanloom._tracing.usage import Usage, read_usage, stated_usage
from spanloom._values.encode import clean_text, decode, recorded
from spanloom.errors import ConfigurationError

STACKTRACE_MAX_CHARS: Final = 32_000
MESSAGE_MAX_CHARS: Final = 4_000
NOTHING: Final = object()
"""Stands for an output that is not there, since None is one."""

RETURNED: Final = object()
"""Stands for the output that an op returned."""


class Wishes(NamedTuple):
    """What one call is told besides its arguments."""

    display_name: str | None = None
    attributes: Mapping[str, object] | None = None


class Call(RemoteCall):
    """One call of an op. Untraced calls (before ``init``) have empty ids and no inputs.

    Attributes:
        output: what the op returned; None while it runs and when it failed.
        exception: what the op raised, or None.
    """

    # Most calls need few of these; what stays as it is here costs them nothing.
    output: Any = None
    exception: BaseException | None = None
    _span: Span = INVALID_SPAN
    _started_ns = 0
    _ended_ns: int | None = None
    _inputs_text: str | None = None
    _request_model: str | None = None
    _has_usage = False
    _set_output: object = NOTHING
    _parent: "Call | None" = None
    _token: Token[Context] | None = None

    def __init__(self, spec: Spec, client: Client | None = None) -> None:
        self._spec = spec
        self._client = client

    @property
    def op_name(self) -> str:
        """The op's name, ``function`` or ``Class.method``."""
        return self._spec.name

    @property
    def id(self) -> str:
        """The span's id: 16 lower-case hex digits; empty when untraced."""
        return f"{self._identity.span_id:016x}" if self._identity else ""

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 lower-case hex digits; empty when untraced."""
        return f"{self._identity.trace_id:032x}" if self._identity else ""

    @property
    def _identity(self) -> SpanContext | None:
        context = self._span.get_span_context()
        is_traced = self._client is not None and context.is_valid and context.trace_flags.sampled
        return context if is_traced else None

    @property
    def parent_id(self) -> str | None:
        """The id of the span that this one started in, or None for the root of a trace."""
        parent = getattr(self._span, "parent", None)
        return f"{parent.span_id:016x}" if parent is not None else None

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments as they were recorded before the op ran, name to plain JSON data."""
        plain = decode(self._inputs_text) if self._inputs_text is not None else {}
        return plain if isinstance(plain, dict) else {"inputs": plain}

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

    def _reader(self, *, delivered: bool) -> Reader:
        if self._client is None or not self.id:
            raise ConfigurationError("this call was not traced: call spanloom.init before it")
        if delivered:
            self._client.flush()
        return self._client

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Add span attributes to a running call; nested mappings get dotted names."""
        self._span.set_attributes(flatten(attributes))

    def set_output(self, output: object) -> None:
        """Record this as the running call's output, whatever the op returns."""
        self._set_output = output

    def set_usage(
        self,
        *,
        model: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
    ) -> None:
        """State what a running call used, instead of what its result tells.

        For a model that no integration knows. Calls below that report tokens count instead.

        Args:
            model: the model that answered.
            input_tokens: of the prompt, cached ones included.
            output_tokens: of the answer, reasoning included.
            cache_read_tokens: of the prompt's, those read from a cache.
            cache_write_tokens: of the prompt's, those written to a cache.
            reasoning_tokens: of the answer's, those spent on reasoning.

        Raises:
            ConfigurationError: a count is no whole number from 0 on.

        Example:
            >>> import spanloom
            >>> from spanloom.testing import captured_calls
            >>> @spanloom.op(kind="llm")
            ... def ask(question: str) -> str:
            ...     call = spanloom.require_current_call()
            ...     call.set_usage(model="in-house-7b", input_tokens=12, output_tokens=3)
            ...     return "Paris"
            >>> with captured_calls() as calls:
            ...     answer = ask("Capital of France?")
            >>> calls.one("ask").attributes["gen_ai.usage.input_tokens"]
            12
        """
        usage = stated_usage(
            model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cache_read_tokens,
            cache_write_tokens=cache_write_tokens,
            reasoning_tokens=reasoning_tokens,
        )
        self._has_usage = True
        self._span.set_attributes(_usage_attributes(self, usage))

    def set_error(self, message: str) -> None:
        """Mark a running call as failed although its function returns."""
        self._span.set_status(StatusCode.ERROR, clean_text(message[:MESSAGE_MAX_CHARS]))

    def set_display_name(self, name: str) -> None:
        """Show a running call under another name than its op's."""
        self._span.update_name(clean_text(name))

    def __repr__(self) -> str:
        return f"Call(op_name={self.op_name!r}, id={self.id!r}, trace_id={self.trace_id!r})"


def open_call(
    spec: Spec,
    client: Client,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wishes: Wishes | None = None,
) -> Call | None:
    """Record the inputs, start the span, make the call the current one.

    Returns:
        None when the call is not recorded: that failed, or a call above is not sampled.
    """
    context = variable.get()
    if type(context.get(SPAN_KEY)) is UnsampledSpan:
        return None
    if spec.sample_rate < 1.0 and is_left_out(spec, context):
        left_out = untraced_call(spec)
        left_out._span = UnsampledSpan()
        surroundings = {**context, SPAN_KEY: left_out._span, CALL_KEY: left_out}
        left_out._token = variable.set(Context(surroundings))
        return left_out
    call = prepare_call(spec, client, args, kwargs)
    if call is not None:
        call._token = variable.set(start_call(call, context, wishes))
    return call


def untraced_call(spec: Spec) -> Call:
    """Return a call that begins now and that nothing is recorded of."""
    call = Call(spec)
    call._started_ns = time_ns()
    return call


def is_left_out(spec: Spec, context: Context) -> bool:
    """Throw the dice for an op that would begin a trace here."""
    is_root = SPAN_KEY not in context or not (
        trace.get_current_span(context).get_span_context().is_valid
    )
    return is_root and random.random() >= spec.sample_rate


def prepare_call(
    spec: Spec, client: Client, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """Record the inputs as they are now; None when that is not possible."""
    call = Call(spec, client)
    if not spec.captures_inputs:
        return call
    try:
        inputs = spec.bind(args, kwargs)
        call._inputs_text = recorded(inputs, client.settings)
        if type(inputs) is dict and type(inputs.get("model")) is str:
            call._request_model = clean_text(inputs["model"])
    except Exception:  # noqa: BLE001  # recording must not keep the op from running
        state.report_fault(f"calls of {spec.name} cannot be recorded")
        return None
    return call


def start_call(call: Call, context: Context, wishes: Wishes | None = None) -> Context:
    """Start the span of a prepared call, inside whatever is current in the context.

    Returns:
        The context in which the call runs. A call that kept it would be a cycle, and cost more in
        the garbage collector than all the rest.
    """
    spec, client = call._spec, call._client
    parent: Any = context.get(CALL_KEY)
    if parent is not None:
        call._parent = parent
    call._started_ns = started_ns = time_ns()
    if client is None:
        call._span = UnsampledSpan()
    else:
        attributes = spec.attributes.copy()
        if call._inputs_text is not None:
            attributes[conventions.INPUT_VALUE] = call._inputs_text
        try:
            call._span = client.tracer.start(spec.name, attributes, context, started_ns)
            if wishes is not None or spec.options.call_display_name is not None:
                _fulfil(wishes or Wishes(), call)
        except Exception:  # noqa: BLE001  # a foreign provider's fault; the op runs untraced
            state.report_fault(f"no span can be started for {spec.name}")
    return Context({**context, SPAN_KEY: call._span, CALL_KEY: call})


def leave_call(call: Call) -> None:
    """Make the call before this one the current one again."""
    token = call._token
    if token is not None:
        call._token = None
        leave(token)


def close_call(call: Call, output: object, shown: object = RETURNED) -> None:
    """Leave a call, record what it returned, and end the span.

    Args:
        call: the call.
        output: what the op returned.
        shown: what to record instead, perhaps NOTHING.
    """
    call._ended_ns = time_ns()
    leave_call(call)
    call.output = output
    client = call._client
    if client is None:
        return
    if not call._span.is_recording():
        return
    attributes: dict[str, AttributeValue] = {}
    try:
        try:
            value = output if shown is RETURNED else shown
            attributes = _output_attributes(call, value, client.settings)
        finally:
            client.tracer.finish(call._span, attributes, call._ended_ns)
    except Exception:  # noqa: BLE001  # the op has succeeded, whatever becomes of its record
        state.report_fault(f"the output of {call.op_name} cannot be recorded")


def fail_call(call: Call, error: BaseException, shown: object = NOTHING) -> None:
    """Leave a call, record what it raised and perhaps an output up to there, end the span."""
    call._ended_ns = time_ns()
    leave_call(call)
    call.exception = error
    client = call._client
    if client is None:
        return
    if not call._span.is_recording():
        return
    attributes: dict[str, AttributeValue] = {}
    if shown is NOTHING:
        shown = call._set_output
    try:
        try:
            if shown is not NOTHING:
                attributes = _output_attributes(call, shown, client.settings)
            _record_exception(call._span, error, call._ended_ns)
        finally:
            client.tracer.finish(call._span, attributes, call._ended_ns)
    except Exception:  # noqa: BLE001  # the app must see its own exception
        state.report_fault(f"the failure of {call.op_name} cannot be recorded")


def note_usage(call: Call, output: object) -> None:
    """Record what a part of the output says of tokens; calls above do not count them again."""
    usage = None if call._has_usage else read_usage(output)
    if usage is not None and call._span.is_recording():
        _mark_usage(call._parent)
        call._span.set_attributes(usage.attributes())


def _fulfil(wishes: Wishes, call: Call) -> None:
    name: object = wishes.display_name or call._spec.options.call_display_name
    if callable(name):
        name = guarded(name, call)
    if isinstance(name, str) and name:
        call.set_display_name(name)
    if wishes.attributes:
        call.set_attributes(wishes.attributes)


def _output_attributes(call: Call, output: Any, settings: Settings) -> dict[str, AttributeValue]:
    spec = call._spec
    attributes: dict[str, AttributeValue] = {}
    if call._set_output is not NOTHING:
        output = call._set_output
    if spec.captures_output and output is not NOTHING:
        process = spec.options.postprocess_output
        shown = output if process is None else guarded(process, output)
        attributes[conventions.OUTPUT_VALUE] = recorded(shown, settings)
    if call._request_model is not None and spec.kind == "llm":
        attributes[conventions.GEN_AI_REQUEST_MODEL] = call._request_model
    # A wrapper that hands an answer on has not used the tokens a second time.
    if not call._has_usage:
        usage = read_usage(output)
        if usage is not None:
            attributes.update(_usage_attributes(call, usage))
    return attributes


def _usage_attributes(call: Call, usage: Usage) -> Mapping[str, str | int]:
    _mark_usage(call._parent)
    attributes = usage.attributes()
    if call._request_model is not None:
        attributes[conventions.GEN_AI_REQUEST_MODEL] = call._request_model
    return attributes


def _mark_usage(above: Call | None) -> None:
    while above is not None and not above._has_usage:
        above._has_usage = True
        above = above._parent


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
