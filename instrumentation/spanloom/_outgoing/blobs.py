"""Large or binary content on its way to the server, beside the spans that refer to it.

A recorded value holds a *reference* in place of the content. What the content's digest is, is found
out in a background thread: until then a token stands for it, which is replaced before the span
leaves. The app MUST NOT be disturbed: offering content never raises and never waits, memory stays
within ``blob_queue_max_bytes``, and what does not fit is dropped, told once, and marked as dropped
in the reference.
"""

import functools
import hashlib
import logging
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import context as otel_context

from spanloom._settings import Settings
from spanloom.errors import NotFoundError, ServerError, UnreachableError

if TYPE_CHECKING:
    from spanloom._api import Api

logger: Final = logging.getLogger("spanloom")

EXIT_ATTEMPTS: Final = 2
"""How often an ending process knocks at a door that nobody opens."""
_REMEMBERED_MAX_COUNT: Final = 10_000
_RETRYABLE_CLIENT_ERRORS: Final = frozenset({408, 425, 429})
_TOO_MUCH: Final = "too much was waiting to be uploaded"
_WORKER_EXIT_PRIORITY: Final = 1000


class Content(NamedTuple):
    """Bytes and what they are."""

    data: bytes
    media_type: str


class Blob:
    """Content that was offered. It is made when somebody first needs it, in the background."""

    def __init__(self, make: Callable[[], Content], weight_bytes: int) -> None:
        self._make: Callable[[], Content] | None = make
        self._making = threading.Lock()
        self.weight_bytes = weight_bytes
        self.content: Content | None = None
        self.facts: dict[str, Any] = {}
        """What the reference says of it; empty until it is made."""

    def made(self) -> dict[str, Any]:
        """Make the content if that has not happened, and return the facts; never raises."""
        with self._making:
            if self._make is not None:
                try:
                    self.content = self._make()
                    self.facts = facts_of(self.content)
                except Exception as error:  # noqa: BLE001  # an image library's, for example
                    self.facts = {"digest": None, "dropped": f"{type(error).__name__}: {error}"}
                self._make = None
        return self.facts

    def forget_lock(self) -> None:
        """Undo what a fork has made of the lock, which another thread may have held."""
        self._making = threading.Lock()


def facts_of(content: Content) -> dict[str, Any]:
    """Return what a reference says of content that is known."""
    digest = f"sha256:{hashlib.sha256(content.data).hexdigest()}"
    return {"digest": digest, "media_type": content.media_type, "size_bytes": len(content.data)}


class Outbox:
    """Takes content from the app's threads and uploads it from one of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = f"pending:{os.urandom(8).hex()}-"
        self._numbers = count()
        self._offered: dict[str, Blob] = {}
        self.token_pattern: Final = re.compile(rf'(\\*)"digest\1":\1"({self._prefix}\d+)\1"')
        self._told: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Blob] = deque()
        self._held_bytes = 0
        self._sent: dict[str, None] = {}
        self._thread: threading.Thread | None = None
        self._accepted_count = 0
        self._settled_count = 0
        self._retry_at = 0.0
        self._failure_count = 0
        self._close_at: float | None = None
        self._exit_attempts = 0
        self.dropped_count = 0

    # In the app's threads, and in the delivery thread of spans

    def offer(self, make: Callable[[], Content], weight_bytes: int) -> dict[str, Any]:
        """Take content and return what its reference says of it for now.

        Args:
            make: returns the content; called later, in a background thread, so that it must not
                depend on anything that the app may change meanwhile.
            weight_bytes: how much memory is held until then, about.
        """
        if weight_bytes > self._settings.blob_max_bytes:
            return {"digest": None, "dropped": f"larger than {self._settings.blob_max_bytes} bytes"}
        blob = Blob(make, weight_bytes)
        if not self._accept(blob):
            return {"digest": None, "dropped": _TOO_MUCH}
        token = f"{self._prefix}{next(self._numbers)}"
        self._offered[token] = blob
        if len(self._offered) > _REMEMBERED_MAX_COUNT:
            self._offered.pop(next(iter(self._offered)), None)
        return {"digest": token}

    def put(self, content: Content) -> dict[str, Any]:
        """Take content whose facts can be found out here and now, and return them."""
        if len(content.data) > self._settings.blob_max_bytes:
            return {"digest": None, "dropped": f"larger than {self._settings.blob_max_bytes} bytes"}
        blob = Blob(lambda: content, len(content.data))
        facts = blob.made()
        if facts["digest"] in self._sent or self._accept(blob):
            return facts
        return {**facts, "digest": None, "dropped": _TOO_MUCH}

    def holds_tokens(self, text: str) -> bool:
        """Whether some reference in a text still has a token in place of a digest."""
        return self._prefix in text

    def facts(self, token: str) -> dict[str, Any]:
        """Return what is known of offered content, making it if need be."""
        blob = self._offered.get(token)
        if blob is None:
            return {"digest": None, "dropped": "its span took too long"}
        return blob.made()

    def _accept(self, blob: Blob) -> bool:
        with self._changed:
            room_bytes = self._settings.blob_queue_max_bytes - self._held_bytes
            if self._close_at is not None or blob.weight_bytes > room_bytes:
                self.dropped_count += 1
                self._tell(
                    "full",
                    "large values come faster than they can be uploaded: some are"
                    " recorded without their content.",
                )
                return False
            self._held_bytes += blob.weight_bytes
            self._accepted_count += 1
            self._waiting.append(blob)
            self._changed.notify_all()
            if self._thread is None:
                self._start()
            return True

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="spanloom-blobs", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is ending, or out of threads; the next blob tries again
        self._thread = thread
        _end_with_the_worker(self)

    def flush(self, timeout_s: float) -> bool:
        """Upload what was offered so far; False when that took longer or something was lost."""
        with self._changed:
            target_count, dropped_count = self._accepted_count, self.dropped_count
            self._retry_at = 0.0
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._settled_count >= target_count, timeout_s)
            return done and self.dropped_count == dropped_count

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing more; the thread has ``exit_timeout_s``, or less, to upload the rest."""
        timeout_s = self._settings.exit_timeout_s if timeout_s is None else timeout_s
        with self._changed:
            if self._close_at is None:
                self._close_at = time.monotonic() + timeout_s
                self._retry_at = 0.0
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until the closed outbox is empty or its time is over; say what was lost."""
        if self._thread is not None and self._close_at is not None:
            self._thread.join(max(0.0, self._close_at - time.monotonic()))
            self._thread = None
            lost_count = self._accepted_count - self._settled_count
            if lost_count:
                logger.warning("%d large values did not reach the server.", lost_count)

    def shutdown(self, timeout_s: float | None = None) -> None:
        """Close and wait."""
        self.close(timeout_s)
        self.join()

    def after_fork_in_child(self) -> None:
        """Start afresh: the parent uploads what was offered before the fork."""
        self._reset()
        for blob in self._offered.values():
            blob.forget_lock()

    # In the thread

    def _run(self) -> None:
        otel_context.attach(otel_context.set_value("suppress_instrumentation", True))
        while (blob := self._next()) is not None:
            try:
                is_settled = self._upload(blob)
            except Exception as error:  # noqa: BLE001  # the thread must outlive any fault
                self._tell(type(error).__name__, f"a large value is dropped: {error!r}")
                self.dropped_count += 1
                is_settled = True
            if is_settled:
                self._settle()

    def _next(self) -> Blob | None:
        with self._changed:
            while not self._is_over():
                pause_s = self._retry_at - time.monotonic()
                if self._waiting and pause_s <= 0:
                    return self._waiting[0]
                self._changed.wait(self._bounded(pause_s) if self._waiting else None)
            return None

    def _bounded(self, pause_s: float) -> float:
        if self._close_at is None:
            return pause_s
        return max(0.0, min(pause_s, self._close_at - time.monotonic()))

    def _is_over(self) -> bool:
        if self._close_at is None:
            return False
        given_up = self._exit_attempts >= EXIT_ATTEMPTS or time.monotonic() >= self._close_at
        return not self._waiting or given_up

    def _settle(self) -> None:
        with self._changed:
            blob = self._waiting.popleft()
            blob.content = None
            self._held_bytes -= blob.weight_bytes
            self._settled_count += 1
            self._failure_count = 0
            self._changed.notify_all()

    def _upload(self, blob: Blob) -> bool:
        """Bring a blob to the server; False when that should be tried again."""
        digest = blob.made()["digest"]
        if digest is None or blob.content is None or digest in self._sent:
            return True
        try:
            self._send(self._api, digest, blob.content)
        except UnreachableError as error:
            self._exit_attempts += self._close_at is not None
            return self._failed(str(error))
        except ServerError as error:
            if error.status >= 500 or error.status in _RETRYABLE_CLIENT_ERRORS:
                return self._failed(str(error))
            self.dropped_count += 1
            self._tell(f"refused {error.status}", f"the server refuses large values: {error}")
            return True
        self._sent[digest] = None
        if len(self._sent) > _REMEMBERED_MAX_COUNT:
            self._sent.pop(next(iter(self._sent)))
        return True

    @functools.cached_property
    def _api(self) -> "Api":
        from spanloom._api import Api

        return Api(self._settings)

    def _send(self, api: "Api", digest: str, content: Content) -> None:
        path = api.path("blobs", digest)
        try:
            api.request("HEAD", path)
        except NotFoundError:
            api.upload("PUT", path, content.data, media_type=content.media_type)

    def _failed(self, reason: str) -> bool:
        doubled_s = self._settings.retry_initial_s * 2 ** min(self._failure_count, 16)
        with self._changed:
            self._retry_at = time.monotonic() + min(self._settings.retry_max_s, doubled_s)
            self._failure_count += 1
        self._tell("down", f"cannot upload large values ({reason}); they are kept, and sent later.")
        return False

    def _tell(self, topic: str, message: str) -> None:
        if topic not in self._told:
            self._told.add(topic)
            logger.warning("%s", message)


def _end_with_the_worker(outbox: Outbox) -> None:
    """Upload at the end of a process that multiprocessing made, which ends without atexit."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        util: Any = sys.modules["multiprocessing.util"]
        util.Finalize(None, outbox.shutdown, exitpriority=_WORKER_EXIT_PRIORITY)
