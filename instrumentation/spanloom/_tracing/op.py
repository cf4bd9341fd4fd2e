"""The decorator that turns a function into an op."""

import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from spanloom._reads.calls import Calls
from spanloom._tracing.call import Call
from spanloom._tracing.flavours import wrap
from spanloom._tracing.spec import make_spec

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
Receiver = TypeVar("Receiver")


class BoundOp(Protocol[Q, R_co]):
    """An op looked up on an instance: it fills in the first argument, ``call`` does not."""

    calls: Callable[..., Calls]
    """The recorded calls of this op; takes the arguments of ``Client.calls`` by name."""

    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> R_co:
        """Run the method."""
        ...

    @overload
    def call(  # type: ignore[overload-overlap]
        self: "BoundOp[Q, Coroutine[Any, Any, T]]",
        receiver: object,
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> "Coroutine[Any, Any, tuple[T, Call]]": ...
    @overload
    def call(
        self: "BoundOp[Q, T]", receiver: object, /, *args: Q.args, **kwargs: Q.kwargs
    ) -> "tuple[T, Call]": ...


class Op(Protocol[P, R_co]):
    """A traced function: called like the function that it was made of."""

    name: str
    """The op's name, ``function`` or ``Class.method``."""

    calls: Callable[..., Calls]
    """The recorded calls of this op; takes the arguments of ``Client.calls`` by name."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function and record the call."""
        ...

    @overload
    def call(  # type: ignore[overload-overlap]
        self: "Op[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> "Coroutine[Any, Any, tuple[T, Call]]": ...
    @overload
    def call(self: "Op[P, T]", *args: P.args, **kwargs: P.kwargs) -> "tuple[T, Call]": ...

    @overload
    def __get__(self, instance: None, owner: type[object]) -> "Op[P, R_co]": ...
    @overload
    def __get__(
        self: "Op[Concatenate[Receiver, Q], T]", instance: Receiver, owner: type[object]
    ) -> "BoundOp[Q, T]": ...


@overload
def op(function: Callable[P, R], /) -> Op[P, R]: ...
@overload
def op(
    function: None = None,
    /,
    *,
    name: str | None = None,
    kind: str | None = None,
    attributes: Mapping[str, object] | None = None,
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None = None,
    postprocess_output: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[P, R]], Op[P, R]]: ...
def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    kind: str | None = None,
    attributes: Mapping[str, object] | None = None,
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None = None,
    postprocess_output: Callable[[Any], Any] | None = None,
) -> Any:
    """Record every call of a function: arguments, result or exception, time, tokens.

    Works bare or called, on functions and methods, plain, async or generators; the function keeps
    its signature and its behaviour. Before ``init`` it runs untraced. Its ``call`` attribute runs
    it and returns ``(result, Call)``, with an exception of the function in ``Call.exception``
    instead of raised (pass ``__should_raise=True`` for the opposite); on a method, ``call`` takes
    the instance first.

    Args:
        function: what to trace.
        name: instead of ``function`` or ``Class.method``.
        kind: what the call is for, one of ``spanloom.conventions.OP_KINDS``.
        attributes: span attributes of every call.
        postprocess_inputs: gets the arguments by name, returns what to record of them.
        postprocess_output: gets the result, returns what to record of it.

    Raises:
        ConfigurationError: it is no function, or there is no such kind.

    Example:
        >>> @op(kind="tool")
        ... def add(a: int, b: int = 1) -> int:
        ...     return a + b
        >>> add(2)
        3
        >>> result, call = add.call(2, b=3)
    """
    if function is None:
        return functools.partial(
            op,
            name=name,
            kind=kind,
            attributes=attributes,
            postprocess_inputs=postprocess_inputs,
            postprocess_output=postprocess_output,
        )
    spec = make_spec(
        function,
        name=name,
        kind=kind,
        attributes=attributes,
        postprocess_inputs=postprocess_inputs,
        postprocess_output=postprocess_output,
    )
    return wrap(spec)
