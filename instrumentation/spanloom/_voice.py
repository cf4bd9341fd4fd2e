"""What delivery says, through logging: each thing once, never once a span."""

import logging
from typing import Final

from spanloom._settings import Settings

logger: Final = logging.getLogger("spanloom")


class Voice:
    """Remembers what has been said."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said: set[str] = set()
        self._is_down = False
        self._told_overflow_count = 0

    def failed(self, reason: str) -> None:
        """Say once an outage that spans are being kept."""
        if not self._is_down:
            self._is_down = True
            logger.warning(
                "cannot deliver spans to %s (%s). They are kept, up to %s, and sent when it answers;"
                " the program runs on.",
                self._settings.endpoint,
                reason,
                self._room(),
            )

    def _room(self) -> str:
        memory = f"{self._settings.queue_max_bytes >> 20} MB in memory"
        disk_bytes = self._settings.spool_max_bytes
        return f"{memory} and {disk_bytes >> 20} MB on disk" if disk_bytes else memory

    def delivered(self, overflow_count: int) -> None:
        """Say once after an outage that it is over, and how many spans found no room since."""
        lost_count = overflow_count - self._told_overflow_count
        if self._is_down:
            logger.warning(
                "delivery of spans to %s works again; %d were dropped meanwhile.",
                self._settings.endpoint,
                lost_count,
            )
        elif lost_count:
            self.once("full", f"spans come faster than they can be sent: {lost_count} dropped.")
        self._is_down = False
        self._told_overflow_count = overflow_count

    def ended(self, spooled_count: int, folder: object, lost_count: int) -> None:
        """Say how many spans did not reach the server: those that still can, and those lost."""
        if spooled_count and not self._settings.offline:
            logger.warning(
                "%d spans wait in %s for %s: the next program that sends there takes them along,"
                " or `spanloom sync`.",
                spooled_count,
                folder,
                self._settings.endpoint,
            )
        untold_count = lost_count - self._told_overflow_count
        if untold_count > 0:
            logger.warning("%d spans did not reach %s.", untold_count, self._settings.endpoint)

    def once(self, topic: str, message: str, *, with_traceback: bool = False) -> None:
        """Say something about a topic the first time that it comes up."""
        if topic not in self._said:
            self._said.add(topic)
            logger.warning("%s", message, exc_info=with_traceback)
