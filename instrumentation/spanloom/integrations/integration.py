"""What is known of one client and of the instrumentation that understands it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

GEN_AI_CONTENT: Final[Mapping[str, str]] = MappingProxyType(
    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
)
"""Has OpenTelemetry's own instrumentations record what was asked and answered.

OpenInference's record it unless told otherwise."""


def _never() -> bool:
    return False


class Integration(NamedTuple):
    """One client; instrumentations are named ``module:Class``."""

    name: str
    """As in ``init(integrations=["openai"])``, and as in the extra ``spanloom[openai]``."""

    client: str
    """The module with whose import the client is there."""

    instrumentor: str
    """The instrumentation to switch on."""

    rivals: tuple[str, ...] = ()
    """Others for the same client. When the app has switched one on, it is left at that."""

    environment: Mapping[str, str] = MappingProxyType({})
    """Variables that have inputs and outputs recorded; set only where the app has not."""

    makes_own_spans: Callable[[], bool] = _never
    """Whether the imported client needs no instrumentation."""

    works_without: str = ""
    """A distribution that the instrumentation asks for and does without."""
