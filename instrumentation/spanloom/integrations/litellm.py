"""LiteLLM: completions, Responses and embeddings of whatever provider."""

from spanloom.integrations.integration import Integration

LITELLM = Integration(
    name="litellm",
    client="litellm",
    instrumentor="openinference.instrumentation.litellm:LiteLLMInstrumentor",
    rivals=("opentelemetry.instrumentation.litellm:LiteLLMInstrumentor",),
)
