"""Threads that go on in the context in which their work was given to them.

Only OpenTelemetry's context goes along; the app's own context variables stay as they are.
"""

import concurrent.futures
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, ParamSpec, TypeVar

from opentelemetry.context import Context

from spanloom._surroundings import leave, variable

P = ParamSpec("P")
R = TypeVar("R")

_submit: Final = concurrent.futures.ThreadPoolExecutor.submit


def in_context(context: Context, function: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
    """Call a function in a context of another thread."""
    token = variable.set(context)
    try:
        return function(*args, **kwargs)
    finally:
        leave(token)


def _submit_in_context(
    self: concurrent.futures.ThreadPoolExecutor,
    function: Callable[..., R],
    /,
    *args: Any,
    **kwargs: Any,
) -> "Future[R]":
    context = variable.get()
    if not context:
        return _submit(self, function, *args, **kwargs)
    return _submit(self, in_context, context, function, *args, **kwargs)


def patch_thread_pools(wanted: bool) -> None:
    """Make every ``ThreadPoolExecutor`` hand the context on, or undo that.

    A ``submit`` that somebody else has replaced meanwhile is left alone.
    """
    pool: Any = concurrent.futures.ThreadPoolExecutor
    before, after = (_submit, _submit_in_context) if wanted else (_submit_in_context, _submit)
    if pool.submit is before:
        pool.submit = after


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """``concurrent.futures.ThreadPoolExecutor`` whose work belongs to the call that submits it.

    After ``init`` every pool does the same, unless the setting ``propagate_to_thread_pools`` is
    off; then this one still does.

    Example:
        >>> with ThreadPoolExecutor(max_workers=2) as pool:
        ...     list(pool.map(abs, [-1, 2]))
        [1, 2]
    """

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Schedule a call of ``function`` in the present context."""
        return _submit_in_context(self, function, *args, **kwargs)


class Thread(threading.Thread):
    """``threading.Thread`` whose work belongs to the call that makes the thread.

    Example:
        >>> thread = Thread(target=print, args=("hello",))
        >>> thread.start(); thread.join()
        hello
    """

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        super().__init__(group, target, name, args, kwargs, daemon=daemon)
        self._surroundings = variable.get()

    def run(self) -> None:
        """Do the thread's work in the context in which it was made."""
        in_context(self._surroundings, super().run)
