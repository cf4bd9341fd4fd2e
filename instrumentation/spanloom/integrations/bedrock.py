"""Amazon Bedrock: the ``bedrock-runtime`` client of boto3."""

from spanloom.integrations.integration import GEN_AI_CONTENT, Integration

BEDROCK = Integration(
    name="bedrock",
    client="botocore.client",
    instrumentor="opentelemetry.instrumentation.genai.bedrock:BedrockInstrumentor",
    rivals=(
        "openinference.instrumentation.bedrock:BedrockInstrumentor",
        "opentelemetry.instrumentation.bedrock:BedrockInstrumentor",
    ),
    environment=GEN_AI_CONTENT,
)
