"""What is worked out about an op once, when its function is decorated."""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._client import state
from spanloom._tracing.context import checked_tags, flatten
from spanloom._values.describe import FIELDS_METHOD
from spanloom.errors import ConfigurationError

if TYPE_CHECKING:
    from spanloom._tracing.call import Call

KIND_ALIASES: Final = {"search": "retriever"}
SPEC_ATTRIBUTE: Final = "__spanloom_spec__"
"""Where an op's wrapper keeps its spec."""

_RECEIVER_NAMES: Final = ("self", "cls")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What ``op`` can be told, apart from the function."""

    name: str | None = None
    kind: str | None = None
    call_display_name: "str | Callable[[Call], str] | None" = None
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None = None
    postprocess_output: Callable[[Any], Any] | None = None
    accumulator: Callable[[Any, Any], Any] | None = None
    tracing_sample_rate: float | None = None
    capture_inputs: bool | None = None
    capture_output: bool | None = None
    capture_code: bool | None = None
    attributes: Mapping[str, object] | None = None
    tags: Sequence[str] | None = None
    color: str | None = None

    def over(self, known: "Options") -> "Options":
        """Return these options, and the known ones where these say nothing."""
        merged = {
            field.name: getattr(known, field.name)
            if getattr(self, field.name) is None
            else getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        merged["attributes"] = {**(known.attributes or {}), **(self.attributes or {})}
        return Options(**merged)


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """An op, before any call."""

    function: Callable[..., Any]
    name: str
    kind: str | None
    options: Options
    attributes: dict[str, AttributeValue]
    """What every span of the op starts with."""
    sample_rate: float
    captures_inputs: bool
    captures_output: bool
    binder: Callable[..., dict[str, Any]] | None
    """Called with a call's arguments, returns them by name."""
    receiver: str | None
    """Name of the first parameter when the function is a method."""

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what is recorded as a call's inputs; arguments that do not fit come as given."""
        if self.binder is not None:
            try:
                inputs = self.binder(*args, **kwargs)
            except TypeError:  # the function itself is about to say what is wrong
                inputs = self._as_given(args, kwargs)
        else:
            inputs = self._as_given(args, kwargs)
        if self.receiver is not None:
            receiver = inputs.pop(self.receiver, None)
            fields = getattr(type(receiver), FIELDS_METHOD, None)
            if fields is not None:
                inputs = {self.receiver: fields(receiver), **inputs}
        if self.options.postprocess_inputs is not None:
            return guarded(self.options.postprocess_inputs, inputs)
        return inputs

    def _as_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        given = args[1:] if self.receiver is not None else args
        return {"args": list(given), "kwargs": kwargs}

    def check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise the TypeError that the function would raise for arguments that do not fit."""
        signature = _signature(self.function)
        if signature is None:
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            if self.receiver is not None:
                error.add_note(
                    f"call() takes the instance first: obj.method.call(obj, …) ({self.name})"
                )
            raise


def make_spec(function: Callable[..., Any], options: Options) -> Spec:
    """Work out an op; that of an op again keeps what is not given anew.

    Raises:
        ConfigurationError: it is no function, or an option cannot work.
    """
    _check_function(function)
    known = spec_of(function)
    if known is not None:
        options = options.over(known.options)
    _check_options(options)
    function = untraced(function)
    signature = _signature(function)
    name = options.name or (known.name if known else plain_name(function))
    kind = _checked_kind(options.kind)
    rate = options.tracing_sample_rate
    return Spec(
        function=function,
        name=name,
        kind=kind,
        options=options,
        attributes=_attributes(function, name, kind, options),
        sample_rate=1.0 if rate is None else float(rate),
        captures_inputs=options.capture_inputs is not False,
        captures_output=options.capture_output is not False,
        binder=_compile_binder(signature) if signature is not None else None,
        receiver=_receiver(signature),
    )


@functools.lru_cache(maxsize=1024)
def block_spec(name: str, kind: str | None, *, has_inputs: bool) -> Spec:
    """Return the spec of a piece of code that is no function of its own."""
    return make_spec(_block, Options(name=name, kind=kind, capture_inputs=has_inputs))


def _block(**inputs: Any) -> None:
    """Stand for the code in a ``with`` block."""


def _attributes(
    function: Callable[..., Any], name: str, kind: str | None, options: Options
) -> dict[str, AttributeValue]:
    own: dict[str, object] = dict(options.attributes or {})
    if options.tags:
        own[conventions.TAGS] = checked_tags(options.tags)
    if options.color:
        own[conventions.OP_COLOR] = options.color
    if options.capture_code:
        own.update(_place(function))
    own |= {conventions.OP_NAME: name, conventions.OP_KIND: kind or "span"}
    if options.capture_inputs is not False:
        own[conventions.INPUT_MIME_TYPE] = conventions.JSON_MIME_TYPE
    if options.capture_output is not False:
        own[conventions.OUTPUT_MIME_TYPE] = conventions.JSON_MIME_TYPE
    return flatten(own)


def _place(function: Callable[..., Any]) -> dict[str, object]:
    function = inspect.unwrap(_innermost(function))
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    return {
        conventions.CODE_FUNCTION_NAME: f"{function.__module__}.{function.__qualname__}",
        conventions.CODE_FILE_PATH: code.co_filename,
        conventions.CODE_LINE_NUMBER: code.co_firstlineno,
    }


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def spec_of(function: object) -> Spec | None:
    """Return the spec of an op, of a bound method or a partial of one; None for anything else."""
    while isinstance(function, functools.partial):
        function = function.func
    found = getattr(function, SPEC_ATTRIBUTE, None)
    return found if isinstance(found, Spec) else None


def untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same callable without the op in it: inside a partial, behind a bound method."""
    if isinstance(function, functools.partial):
        return functools.partial(untraced(function.func), *function.args, **function.keywords)
    spec = spec_of(function)
    if spec is None:
        return function
    if inspect.ismethod(function):
        return types.MethodType(spec.function, function.__self__)
    return spec.function


def plain_name(function: object) -> str:
    """Return ``function`` or ``Class.method``, without the functions it was defined in."""
    while isinstance(function, functools.partial):
        function = function.func
    qualified = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(qualified).rpartition("<locals>.")[2]


def guarded(process: Callable[[Any], Any], value: object) -> object:
    """Return ``process(value)``; when it raises, a note: the raw value may be meant to stay."""
    try:
        return process(value)
    except Exception as error:  # noqa: BLE001  # the app's own function
        name = getattr(process, "__name__", type(process).__name__)
        state.report_fault(f"{name} raised, so values are not recorded")
        return f"<not recorded: {name} raised {type(error).__name__}>"


def _check_function(function: object) -> None:
    if isinstance(function, staticmethod | classmethod):
        word = type(function).__name__
        raise ConfigurationError(f"put @{word} above @spanloom.op, not below it")
    if isinstance(function, type):
        raise ConfigurationError(
            f"{function.__name__} is a class: put @spanloom.op on its methods instead"
        )
    if not callable(function):
        raise ConfigurationError(
            f"@spanloom.op takes a function, not {function!r}; options are given by name,"
            " as in @spanloom.op(name='answer')"
        )


def _check_options(options: Options) -> None:
    rate = options.tracing_sample_rate
    if rate is not None and not 0 <= rate <= 1:
        raise ConfigurationError(f"tracing_sample_rate goes from 0 to 1, but is {rate!r}")
    if options.color is not None and options.color not in conventions.OP_COLORS:
        known = ", ".join(conventions.OP_COLORS)
        raise ConfigurationError(f"there is no color {options.color!r}: use one of {known}")
    checked_tags(options.tags or ())


def _checked_kind(kind: str | None) -> str | None:
    if kind is None:
        return None
    kind = KIND_ALIASES.get(kind, kind)
    if kind not in conventions.OP_KINDS:
        known = ", ".join(conventions.OP_KINDS)
        raise ConfigurationError(f"there is no kind {kind!r}: use one of {known}")
    return kind


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _receiver(signature: inspect.Signature | None) -> str | None:
    first = next(iter(signature.parameters), None) if signature is not None else None
    return first if first in _RECEIVER_NAMES else None


class _Default:
    """Stands for a parameter's default in source text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _compile_binder(signature: inspect.Signature) -> Callable[..., dict[str, Any]] | None:
    """Make a function with the same parameters that returns them by name.

    Python's own call then sorts the arguments out, twenty times faster than ``Signature.bind``.
    """
    defaults: dict[str, Any] = {}
    parameters, members = [], []
    for parameter in signature.parameters.values():
        default = parameter.default
        if default is not parameter.empty:
            default = _Default(f"default_{len(defaults)}")
            defaults[default.name] = parameter.default
        parameters.append(parameter.replace(default=default, annotation=parameter.empty))
        name = parameter.name
        flat = parameter.kind is parameter.VAR_KEYWORD
        members.append(f"**{name}" if flat else f"{name!r}: {name}")
    header = str(inspect.Signature(parameters))[1:-1]
    try:
        # Nothing but parameter names gets into this text, and those are identifiers.
        binder = eval(f"lambda {header}: {{{', '.join(members)}}}", defaults)
    except SyntaxError:
        return None
    return cast("Callable[..., dict[str, Any]]", binder)
