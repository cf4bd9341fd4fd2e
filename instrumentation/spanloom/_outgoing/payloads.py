"""What the delivery thread does with recorded text before it leaves the process."""

from spanloom._outgoing.redaction import redactor_of
from spanloom._settings import Settings


class Payloads:
    """Finishes the payloads of spans, be they of ops or of other libraries.

    The work is done in the delivery thread, so that it costs the app's own threads nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self._redactor = redactor_of(settings)

    def finished(self, text: str) -> str:
        """Return what is sent for an input, an output or another text; never raises."""
        return text if self._redactor is None else self._redactor.redacted(text)
