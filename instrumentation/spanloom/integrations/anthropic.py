"""Anthropic: messages. The client traces itself since release 2.12, which is then enough."""

import os
import sys

from spanloom.integrations.integration import GEN_AI_CONTENT, Integration


def _traces_itself() -> bool:
    import inspect  # takes long to load

    if os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false":
        return False
    client = sys.modules["anthropic"].Anthropic
    return "open_telemetry" in inspect.signature(client).parameters


ANTHROPIC = Integration(
    name="anthropic",
    client="anthropic",
    instrumentor="opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    rivals=(
        "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    ),
    environment={**GEN_AI_CONTENT, "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
    makes_own_spans=_traces_itself,
)
