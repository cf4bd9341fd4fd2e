"""LangChain and LangGraph: chains, agents, tools, retrievers and model calls."""

from spanloom.integrations.integration import GEN_AI_CONTENT, Integration

LANGCHAIN = Integration(
    name="langchain",
    client="langchain_core",
    instrumentor="opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",
    rivals=(
        "openinference.instrumentation.langchain:LangChainInstrumentor",
        "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
    ),
    environment=GEN_AI_CONTENT,
    works_without="langchain",
)
