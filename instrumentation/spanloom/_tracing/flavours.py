"""The four kinds of function, and how a call of each is recorded."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final, NamedTuple

import msgspec

from spanloom._client import Client, state
from spanloom._reads.calls import Calls
from spanloom._settings import Settings
from spanloom._tracing.call import (
    Call,
    close_call,
    enter_call,
    fail_call,
    leave_call,
    open_call,
    prepare_call,
    start_call,
)
from spanloom._tracing.spec import SPEC_ATTRIBUTE, Spec
from spanloom._values.encode import encode
from spanloom.errors import ConfigurationError, SpanloomError

RAISE_KEYWORD: Final = "__should_raise"

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
        client = state.client
        call = open_call(spec, client, args, kwargs) if client is not None else None
        if call is None:
            return function(*args, **kwargs)
        try:
            output = function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
            raise
        close_call(call, output)
        return output

    return wrapper


def _coroutine(spec: Spec) -> Function:
    function = spec.function

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        client = state.client
        call = open_call(spec, client, args, kwargs) if client is not None else None
        if call is None:
            return await function(*args, **kwargs)
        try:
            output = await function(*args, **kwargs)
        except BaseException as error:
            fail_call(call, error)
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
    spec.check_arguments(args, kwargs)
    client = state.client
    call = open_call(spec, client, args, kwargs) if client is not None else None
    return call or Call(spec)


def _stays_in_call(error: BaseException) -> bool:
    # Misuse of Spanloom itself must not hide in a field that nobody reads.
    return isinstance(error, Exception) and not isinstance(error, SpanloomError)


def _generator(spec: Spec) -> Function:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = spec.function(*args, **kwargs)
        client = state.client
        call = prepare_call(spec, client, args, kwargs) if client is not None else None
        if client is None or call is None:
            return generator
        return _drive(generator, call, client)

    return wrapper


def _async_generator(spec: Spec) -> Function:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = spec.function(*args, **kwargs)
        client = state.client
        call = prepare_call(spec, client, args, kwargs) if client is not None else None
        if client is None or call is None:
            return generator
        return _drive_async(generator, call, client)

    return wrapper


def _no_call(spec: Spec) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise ConfigurationError(
            f"{spec.name} is a generator and has no call(): iterate it, and use"
            " spanloom.require_current_call() inside"
        )

    return call


class Yields:
    """What a generator has yielded, as JSON text of bounded length: items are not kept alive."""

    def __init__(self, spec: Spec, settings: Settings) -> None:
        self._settings = settings
        self._is_recorded = spec.postprocess_output is None
        self._parts: list[str] = []
        self._size_chars = 0
        self._left_out_count = 0

    def add(self, item: object) -> None:
        """Record one item, while there is room."""
        if not self._is_recorded:
            return
        if self._size_chars >= self._settings.value_max_bytes // 2:
            self._left_out_count += 1
            return
        self._parts.append(encode(item, self._settings))
        self._size_chars += len(self._parts[-1]) + 1

    def output(self) -> object:
        """Return what to record as the generator's output: the items, None if they are not."""
        if not self._is_recorded:
            return None
        if self._left_out_count:
            self._parts.append(f'"… [truncated, {self._left_out_count} more items]"')
            self._left_out_count = 0
        return msgspec.Raw(f"[{','.join(self._parts)}]".encode())


def _drive(
    generator: Generator[Any, Any, Any], call: Call, client: Client
) -> Generator[Any, Any, Any]:
    yields = Yields(call._spec, client.settings)
    start_call(call, client)
    step: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        enter_call(call)
        try:
            item = step(value)
        except StopIteration as stop:
            close_call(call, yields.output())
            return stop.value
        except BaseException as error:
            fail_call(call, error)
            raise
        # Between two items the consumer runs, which is not part of this call.
        leave_call(call)
        yields.add(item)
        try:
            value = yield item
            step = generator.send
        except GeneratorExit:
            generator.close()
            close_call(call, yields.output())
            raise
        except BaseException as error:  # noqa: BLE001  # thrown in by the consumer, handed on
            step, value = generator.throw, error


async def _drive_async(
    generator: AsyncGenerator[Any, Any], call: Call, client: Client
) -> AsyncGenerator[Any, Any]:
    yields = Yields(call._spec, client.settings)
    start_call(call, client)
    step: Callable[[Any], Any] = generator.asend
    value: Any = None
    while True:
        enter_call(call)
        try:
            item = await step(value)
        except StopAsyncIteration:
            close_call(call, yields.output())
            return
        except BaseException as error:
            fail_call(call, error)
            raise
        leave_call(call)
        yields.add(item)
        try:
            value = yield item
            step = generator.asend
        except GeneratorExit:
            await generator.aclose()
            close_call(call, yields.output())
            raise
        except BaseException as error:  # noqa: BLE001  # thrown in by the consumer, handed on
            step, value = generator.athrow, error


FLAVOURS: Final = (
    Flavour(inspect.isasyncgenfunction, _async_generator, _no_call),
    Flavour(inspect.isgeneratorfunction, _generator, _no_call),
    Flavour(inspect.iscoroutinefunction, _coroutine, _coroutine_call),
    Flavour(callable, _plain, _plain_call),
)
