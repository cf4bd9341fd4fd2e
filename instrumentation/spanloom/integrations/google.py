"""Google Gen AI: Gemini, also on Vertex AI."""

from spanloom.integrations.integration import Integration

GOOGLE = Integration(
    name="google",
    client="google.genai",
    instrumentor="openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
    rivals=(
        "opentelemetry.instrumentation.google_genai:GoogleGenAiSdkInstrumentor",
        "opentelemetry.instrumentation.google_generativeai:GoogleGenerativeAiInstrumentor",
    ),
)
