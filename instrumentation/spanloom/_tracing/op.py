"""The decorator that turns a function into an op."""

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from spanloom._reads.calls import Calls
from spanloom._tracing.call import Call
from spanloom._tracing.flavours import wrap
from spanloom._tracing.spec import Options, make_spec

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
    call_display_name: str | Callable[[Call], str] | None = None,
    postprocess_inputs: Callable[[dict[str, Any]], Any] | None = None,
    postprocess_output: Callable[[Any], Any] | None = None,
    accumulator: Callable[[Any, Any], Any] | None = None,
    tracing_sample_rate: float | None = None,
    capture_inputs: bool | None = None,
    capture_output: bool | None = None,
    capture_code: bool | None = None,
    attributes: Mapping[str, object] | None = None,
    tags: Sequence[str] | None = None,
    color: str | None = None,
) -> Callable[[Callable[P, R]], Op[P, R]]: ...
def op(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Record every call of a function: arguments, result or exception, time, tokens.

    Works bare or called, on functions and methods, plain, async or generators; the function keeps
    its signature and its behaviour. Before ``init`` it runs untraced. Its ``call`` attribute runs
    it and returns ``(result, Call)``, with an exception of the function in ``Call.exception``
    instead of raised (pass ``__should_raise=True`` for the opposite); on a method, ``call`` takes
    the instance first. One call is named or marked by
    ``f(…, __spanloom={"display_name": "…", "attributes": {…}})``; the function does not see that.

    A generator's call lasts until its end, whether it is exhausted, closed or raises; what its
    consumer does meanwhile is not part of it. What it yielded is recorded, as far as there is
    room.

    Args:
        function: what to trace.
        options: by name:
            name: instead of ``function`` or ``Class.method``.
            kind: what the call is for, one of ``spanloom.conventions.OP_KINDS``.
            call_display_name: what to call one call, or a function of its Call that says so.
            postprocess_inputs: gets the arguments by name, returns what to record of them.
            postprocess_output: gets the result, returns what to record of it.
            accumulator: folds what a generator yields into its recorded output: gets the result
                so far (None at first) and an item, returns the result.
            tracing_sample_rate: share of the op's calls to record, from 0 to 1, where the op
                begins a trace; calls below follow. Further down it has no effect.
            capture_inputs: whether to record the arguments; True by default.
            capture_output: whether to record the result; True by default.
            capture_code: whether to record where the function is defined; False by default.
            attributes: span attributes of every call.
            tags: words to find the calls by.
            color: how the page paints them, one of ``spanloom.conventions.OP_COLORS``.

    Raises:
        ConfigurationError: it is no function, or an option cannot work.

    Example:
        >>> @op(kind="tool")
        ... def add(a: int, b: int = 1) -> int:
        ...     return a + b
        >>> add(2)
        3
        >>> result, call = add.call(2, b=3)
    """
    if function is None:
        return functools.partial(_decorated, options=Options(**options))
    return _decorated(function, Options(**options))


def _decorated(function: Callable[..., Any], options: Options) -> Any:
    return wrap(make_spec(function, options))
