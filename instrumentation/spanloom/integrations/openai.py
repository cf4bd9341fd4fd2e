"""OpenAI: chat, Responses and embeddings."""

from spanloom.integrations.integration import GEN_AI_CONTENT, Integration

OPENAI = Integration(
    name="openai",
    client="openai",
    instrumentor="opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    rivals=(
        "openinference.instrumentation.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",
    ),
    environment=GEN_AI_CONTENT,
)
