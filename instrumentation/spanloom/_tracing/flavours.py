"""The four kinds of function, and how a call of each is recorded."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.context import Context

from spanloom._client import Client, state
from spanloom._reads.calls import Calls
from spanloom._surroundings import SPAN_KEY, UnsampledSpan, variable
from spanloom._tracing.call import (
    Call,
    Wishes,
    close_call,
    fail_call,
    is_left_out,
    leave_call,
    open_call,
    prepare_call,
    start_call,
    untraced_call,
)
from spanloom._tracing.spec import SPEC_ATTRIBUTE, Spec
from spanloom._tracing.yields import Yields
from spanloom.errors import ConfigurationError, SpanloomError

RAISE_KEYWORD: Final = "__should_raise"
WISHES_KEYWORDS: Final = ("__spanloom", "__weave")
"""Either gives ``{"display_name": str, "attributes": mapping}`` for one call; Weave's own works."""

Function = Callable[..., Any]


class Flavour(NamedTuple):
    """A kind of function."""

    matches: Callable[[Any], bool]
    wrap: Callable[[Spec], Function]
    """Makes what replaces the function."""
    wrap_call: Callable[[Spec], Function]
    """Makes the op's ``call``."""


def wrap(spec: Spec) -> Any:
    """Return the op: a real function that looks and behaves like the one it replaces."""
    target: Any = spec.function
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target):
        target = type(target).__call__
    flavour = next(flavour for flavour in FLAVOURS if flavour.matches(target))
    wrapper = functools.wraps(spec.function)(flavour.wrap(spec))
    call = flavour.wrap_call(spec)
    calls = functools.partial(_recorded_calls, spec.name)
    vars(wrapper).update({SPEC_ATTRIBUTE: spec, "name": spec.name, "call": call, "calls": calls})
    return wrapper


def _recorded_calls(op_name: str, **query: Any) -> Calls:
    return (state.client or Client()).calls(op=op_name, **query)


def _plain(spec: Spec) -> Function:
    function = spec.function

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        wishes = _taken_wishes(kwargs) if kwargs else None
        client = state.client
        call = open_call(spec, client, args, kwargs, wishes) if client is not None else None
        if call is None:
            return function(*args, **kwargs)
        try:
            output = function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
            del call  # which keeps the exception, whose traceback keeps this frame
            raise
        close_call(call, output)
        return output

    return wrapper


def _coroutine(spec: Spec) -> Function:
    function = spec.function

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        wishes = _taken_wishes(kwargs) if kwargs else None
        client = state.client
        call = open_call(spec, client, args, kwargs, wishes) if client is not None else None
        if call is None:
            return await function(*args, **kwargs)
        try:
            output = await function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
            del call  # which keeps the exception, whose traceback keeps this frame
            raise
        close_call(call, output)
        return output

    return wrapper


def _plain_call(spec: Spec) -> Function:
    def call(*args: Any, **kwargs: Any) -> tuple[Any, Call]:
        should_raise = kwargs.pop(RAISE_KEYWORD, False)
        call = _begin(spec, args, kwargs)
        try:
            output = spec.function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
            if should_raise or not _stays_in_call(error):
                raise
            return None, call
        close_call(call, output)
        return output, call

    return call


def _coroutine_call(spec: Spec) -> Function:
    async def call(*args: Any, **kwargs: Any) -> tuple[Any, Call]:
        should_raise = kwargs.pop(RAISE_KEYWORD, False)
        call = _begin(spec, args, kwargs)
        try:
            output = await spec.function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
            if should_raise or not _stays_in_call(error):
                raise
            return None, call
        close_call(call, output)
        return output, call

    return call


def _begin(spec: Spec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    wishes = _taken_wishes(kwargs)
    spec.check_arguments(args, kwargs)
    client = state.client
    call = open_call(spec, client, args, kwargs, wishes) if client is not None else None
    return call or untraced_call(spec)


def _taken_wishes(kwargs: dict[str, Any]) -> Wishes | None:
    for keyword in WISHES_KEYWORDS:
        if keyword in kwargs:
            given = kwargs.pop(keyword)
            if isinstance(given, Mapping):
                return Wishes(given.get("display_name"), given.get("attributes"))
    return None


def _stays_in_call(error: BaseException) -> bool:
    # Misuse of Spanloom itself must not hide in a field that nobody reads.
    return isinstance(error, Exception) and not isinstance(error, SpanloomError)


def _generator(spec: Spec) -> Function:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        wishes = _taken_wishes(kwargs) if kwargs else None
        generator = spec.function(*args, **kwargs)
        client = state.client
        call = prepare_call(spec, client, args, kwargs) if client is not None else None
        if client is None or call is None:
            return generator
        return _drive(generator, call, client, wishes)

    return wrapper


def _async_generator(spec: Spec) -> Function:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        wishes = _taken_wishes(kwargs) if kwargs else None
        generator = spec.function(*args, **kwargs)
        client = state.client
        call = prepare_call(spec, client, args, kwargs) if client is not None else None
        if client is None or call is None:
            return generator
        return _drive_async(generator, call, client, wishes)

    return wrapper


def _no_call(spec: Spec) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise ConfigurationError(
            f"{spec.name} is a generator and has no call(): iterate it, and use"
            " spanloom.require_current_call() inside"
        )

    return call


def _started(call: Call, wishes: Wishes | None) -> tuple[Call, Context]:
    context, spec = variable.get(), call._spec
    if type(context.get(SPAN_KEY)) is UnsampledSpan:
        return Call(spec), context
    if spec.sample_rate < 1.0 and is_left_out(spec, context):
        call = Call(spec)
    return call, start_call(call, context, wishes)


def _drive(
    generator: Generator[Any, Any, Any], prepared: Call, client: Client, wishes: Wishes | None
) -> Generator[Any, Any, Any]:
    call, context = _started(prepared, wishes)
    yields = Yields(call, client.settings)
    enter, leave, take = variable.set, variable.reset, yields.taker()
    step: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        token = enter(context)
        try:
            item = step(value)
        except StopIteration as stop:
            leave(token)
            close_call(call, None, yields.output())
            return stop.value
        except BaseException as error:
            leave(token)
            fail_call(call, error, yields.output())
            raise
        # Between two items the consumer runs, which is not part of this call.
        leave(token)
        take(item)
        try:
            value = yield item
            step = generator.send
        except GeneratorExit:
            call._token = variable.set(context)
            _end_early(generator, call, yields)
            raise
        except BaseException as error:  # noqa: BLE001  # thrown in by the consumer, handed on
            step, value = generator.throw, error


def _end_early(generator: Generator[Any, Any, Any], call: Call, yields: Yields) -> None:
    try:
        generator.close()
    except BaseException as error:
        fail_call(call, error, yields.output())
        raise
    close_call(call, None, yields.output())


async def _drive_async(
    generator: AsyncGenerator[Any, Any], prepared: Call, client: Client, wishes: Wishes | None
) -> AsyncGenerator[Any, Any]:
    call, context = _started(prepared, wishes)
    yields = Yields(call, client.settings)
    take = yields.taker()
    step: Callable[[Any], Any] = generator.asend
    value: Any = None
    while True:
        call._token = variable.set(context)
        try:
            item = await step(value)
        except StopAsyncIteration:
            close_call(call, None, yields.output())
            return
        except BaseException as error:
            fail_call(call, error, yields.output())
            raise
        leave_call(call)
        take(item)
        try:
            value = yield item
            step = generator.asend
        except GeneratorExit:
            call._token = variable.set(context)
            await _end_early_async(generator, call, yields)
            raise
        except BaseException as error:  # noqa: BLE001  # thrown in by the consumer, handed on
            step, value = generator.athrow, error


async def _end_early_async(generator: AsyncGenerator[Any, Any], call: Call, yields: Yields) -> None:
    try:
        await generator.aclose()
    except BaseException as error:
        fail_call(call, error, yields.output())
        raise
    close_call(call, None, yields.output())


FLAVOURS: Final = (
    Flavour(inspect.isasyncgenfunction, _async_generator, _no_call),
    Flavour(inspect.isgeneratorfunction, _generator, _no_call),
    Flavour(inspect.iscoroutinefunction, _coroutine, _coroutine_call),
    Flavour(callable, _plain, _plain_call),
)
