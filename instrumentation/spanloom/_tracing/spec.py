"""What is worked out about an op once, when its function is decorated."""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._client import state
from spanloom._tracing.context import flatten
from spanloom._values.describe import FIELDS_METHOD
from spanloom.errors import ConfigurationError

KIND_ALIASES: Final = {"search": "retriever"}
SPEC_ATTRIBUTE: Final = "__spanloom_spec__"
"""Where an op's wrapper keeps its spec."""

_RECEIVER_NAMES: Final = ("self", "cls")


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """An op, before any call."""

    function: Callable[..., Any]
    name: str
    kind: str | None
    attributes: Mapping[str, AttributeValue]
    """What every span of the op starts with."""
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None
    postprocess_output: Callable[[Any], Any] | None
    binder: Callable[..., dict[str, Any]] | None
    """Called with a call's arguments, returns them by name."""
    receiver: str | None
    """Name of the first parameter when the function is a method."""

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what is recorded as a call's inputs; arguments that do not fit come as given."""
        inputs = self._by_name(args, kwargs)
        if self.receiver is not None:
            receiver = inputs.pop(self.receiver, None)
            fields = getattr(type(receiver), FIELDS_METHOD, None)
            if fields is not None:
                inputs = {self.receiver: fields(receiver), **inputs}
        if self.postprocess_inputs is not None:
            return guarded(self.postprocess_inputs, inputs)
        return inputs

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self.binder is not None:
            try:
                return self.binder(*args, **kwargs)
            except TypeError:
                pass  # the function itself is about to say what is wrong
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


def make_spec(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    kind: str | None = None,
    attributes: Mapping[str, object] | None = None,
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None = None,
    postprocess_output: Callable[[Any], Any] | None = None,
) -> Spec:
    """Work out an op; that of an op again keeps what is not given anew.

    Raises:
        ConfigurationError: it is no function, or there is no such kind.
    """
    _check_function(function)
    known = spec_of(function)
    function = untraced(function)
    signature = _signature(function)
    final_kind = _checked_kind(kind) or (known.kind if known else None)
    final_name = name or (known.name if known else plain_name(function))
    own = {conventions.OP_NAME: final_name, conventions.OP_KIND: final_kind or "span"}
    inherited = known.attributes if known else {}
    return Spec(
        function=function,
        name=final_name,
        kind=final_kind,
        attributes={**inherited, **flatten(attributes or {}), **own},
        postprocess_inputs=postprocess_inputs or (known.postprocess_inputs if known else None),
        postprocess_output=postprocess_output or (known.postprocess_output if known else None),
        binder=_compile_binder(signature) if signature is not None else None,
        receiver=_receiver(signature),
    )


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
