"""The table of rules: which attributes of which convention supply each canonical field.

A rule lists candidate keys; the first that is present with a usable value wins. Keys stand in the
order: our own, OpenTelemetry's conventions for generative AI, then other conventions in use.
"""

from collections.abc import Mapping
from typing import Final

from spanloom import conventions

TEXT_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "session_id": ("session.id", "gen_ai.conversation.id", "langfuse.session.id"),
    "user_id": ("user.id", "langfuse.user.id", "enduser.id"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    "model": (
        "gen_ai.response.model",
        "ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "langfuse.observation.model.name",
        "ai.model.id",
    ),
    "request_model": ("gen_ai.request.model", "llm.model_name", "ai.model.id"),
    "evaluation_id": (conventions.EVALUATION_ID,),
    "example_digest": (conventions.EXAMPLE_DIGEST,),
}
"""Text columns."""

PAYLOAD_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "input": (
        conventions.INPUT_VALUE,
        "gen_ai.input.messages",
        "gen_ai.tool.call.arguments",
        "langfuse.observation.input",
        "traceloop.entity.input",
        "mlflow.spanInputs",
        "ai.prompt.messages",
        "ai.prompt",
        "ai.toolCall.args",
        "lmnr.span.input",
        "gen_ai.prompt",
    ),
    "output": (
        conventions.OUTPUT_VALUE,
        "gen_ai.output.messages",
        "gen_ai.tool.call.result",
        "langfuse.observation.output",
        "traceloop.entity.output",
        "mlflow.spanOutputs",
        "ai.response.text",
        "ai.response.object",
        "ai.toolCall.result",
        "lmnr.span.output",
        "gen_ai.completion",
    ),
}
"""Payload columns: the winner's text moves into the column, so that it is stored once."""

COUNT_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": (
        conventions.GEN_AI_USAGE_INPUT_TOKENS,
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        conventions.GEN_AI_USAGE_OUTPUT_TOKENS,
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "llm.usage.completion_tokens",
    ),
    "total_tokens": (
        "gen_ai.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
        "llm.usage.total_tokens",
    ),
}
"""Token columns: integers, however they were spelled; negative ones are no counts."""

_LLM_OPERATIONS = ("chat", "text_completion", "generate_content", "completion", "generate")

KIND_RULES: Final[Mapping[str, Mapping[str, str]]] = {
    conventions.OP_KIND: {kind: kind for kind in conventions.OP_KINDS},
    "langfuse.observation.type": {"generation": "llm"}
    | {
        kind: kind
        for kind in ("span", "embedding", "agent", "tool", "chain", "retriever", "guardrail")
    },
    "openinference.span.kind": {
        "LLM": "llm",
        "EMBEDDING": "embedding",
        "CHAIN": "chain",
        "RETRIEVER": "retriever",
        "RERANKER": "retriever",
        "TOOL": "tool",
        "AGENT": "agent",
        "GUARDRAIL": "guardrail",
        "EVALUATOR": "scorer",
    },
    "gen_ai.operation.name": dict.fromkeys(_LLM_OPERATIONS, "llm")
    | {
        "embeddings": "embedding",
        "execute_tool": "tool",
        "create_agent": "agent",
        "invoke_agent": "agent",
        "invoke_workflow": "chain",
        "retrieval": "retriever",
    },
    "traceloop.span.kind": {
        "workflow": "chain",
        "task": "chain",
        "agent": "agent",
        "tool": "tool",
    },
    "mlflow.spanType": {
        '"CHAT_MODEL"': "llm",
        '"LLM"': "llm",
        '"EMBEDDING"': "embedding",
        '"CHAIN"': "chain",
        '"RETRIEVER"': "retriever",
        '"TOOL"': "tool",
        '"AGENT"': "agent",
    },
    "ai.operationId": {
        "ai.generateText.doGenerate": "llm",
        "ai.streamText.doStream": "llm",
        "ai.generateObject.doGenerate": "llm",
        "ai.streamObject.doStream": "llm",
        "ai.embed.doEmbed": "embedding",
        "ai.embedMany.doEmbed": "embedding",
        "ai.toolCall": "tool",
        "ai.generateText": "chain",
        "ai.streamText": "chain",
        "ai.generateObject": "chain",
        "ai.streamObject": "chain",
    },
}
"""Key, then value of it, to the kind of call."""

RESOURCE_TEXT_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "service_name": (conventions.SERVICE_NAME,),
    "environment": (conventions.DEPLOYMENT_ENVIRONMENT, "deployment.environment"),
}
"""Text columns taken from the resource."""
