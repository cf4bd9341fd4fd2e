"""A folder looked at again and again."""

import logging
import threading
import time
from collections.abc import Callable

from spanloom_collector.logs import ONCE_A_MINUTE

_LOG = logging.getLogger(__name__)
_SHORTEST_PAUSE_S = 0.05
_PAUSE_PER_LOOK = 10  # a folder of very many files takes a tenth of a core, not all of it


class Watch:
    """A thread that looks, and pauses ten times as long as that took, but 50 ms at least.

    Args:
        look: what to do; an OSError that it raises is logged, and it is called again.
        name: of the thread.
    """

    def __init__(self, look: Callable[[], None], name: str) -> None:
        self._look = look
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what was never started has nothing to end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopped.wait(pause_s):
            began = time.monotonic()
            try:
                self._look()
            except OSError as error:
                _LOG.warning("the journal's folder cannot be read: %s", error, extra=ONCE_A_MINUTE)
            pause_s = max(_SHORTEST_PAUSE_S, _PAUSE_PER_LOOK * (time.monotonic() - began))
