"""When a server that has failed is asked again."""

import random

from spanloom._settings import Settings


class Backoff:
    """When to try again after failures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._random = random.Random()
        self.failure_count = 0
        self.until = 0.0

    def fail(self, now: float, wanted_s: float | None) -> None:
        """Note a failure: wait as long as the server wants, else twice as long as last time."""
        doubled_s = self._settings.retry_initial_s * 2 ** min(self.failure_count, 16)
        # Processes that lost their server together shall not all come back at the same moment.
        doubled_s *= self._random.uniform(0.8, 1.0)
        self.until = now + min(self._settings.retry_max_s, wanted_s or doubled_s)
        self.failure_count += 1

    def succeed(self) -> None:
        """Forget all failures."""
        self.failure_count = 0
        self.until = 0.0
