"""The vocabulary: every attribute name that Spanloom writes or reads, and the shape of its value.

Names that the field has already agreed upon are used as they are (OpenTelemetry's semantic
conventions for generative AI; OpenInference for inputs and outputs), so that spans written by this
SDK are understood by other backends, and theirs by Spanloom. Only what has no agreed name carries
the prefix ``spanloom.``.

Attribute values are OpenTelemetry attribute values. "JSON" below means a string holding JSON text.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.38.0"
"""Schema of the OpenTelemetry names used here."""

SCOPE_NAME: Final = "spanloom"
"""Instrumentation scope of the spans that the SDK makes."""

# Where a span belongs

PROJECT: Final = "spanloom.project"
"""Resource attribute. str: the project, with at most one slash (``entity/project``)."""

PROJECT_HEADER: Final = "x-spanloom-project"
"""HTTP header and gRPC metadata key naming the project of all spans in a request.

UTF-8, percent-encoded where it is not printable ASCII; ``%`` itself is ``%25``."""

SERVICE_NAME: Final = "service.name"
"""Resource attribute. str: the service; names the project when nothing else does."""

SERVICE_VERSION: Final = "service.version"
"""Resource attribute. str: the service's release."""

DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
"""Resource attribute. str: production, staging, …"""

SESSION_ID: Final = "session.id"
"""str: the conversation or session a span belongs to."""

CONVERSATION_ID: Final = "gen_ai.conversation.id"
"""str: the conversation (thread) a span belongs to; several may make one session."""

USER_ID: Final = "user.id"
"""str: the end user on whose behalf the call was made."""

TAGS: Final = "tag.tags"
"""array of str: words to find the span by."""

METADATA_PREFIX: Final = "metadata."
"""Begins the names of attributes that hold the app's own facts about a span."""

# What a call is

OP_NAME: Final = "spanloom.op.name"
"""str: the op's name, ``function`` or ``Class.method``. The span's name may be prettier."""

OP_KIND: Final = "spanloom.op.kind"
"""str, one of :data:`OP_KINDS`: what the call is for."""

OP_KINDS: Final = (
    "agent",
    "chain",
    "embedding",
    "evaluation",
    "guardrail",
    "llm",
    "prediction",
    "retriever",
    "scorer",
    "span",
    "summary",
    "tool",
)
"""Every value of :data:`OP_KIND`. ``prediction`` is one example of an evaluation: the model's call
and its scores; ``summary`` folds an evaluation's scores; ``span`` is anything else."""

OP_COLOR: Final = "spanloom.op.color"
"""str, one of :data:`OP_COLORS`: how the page paints the op's calls."""

OP_COLORS: Final = ("blue", "green", "orange", "purple", "red", "yellow")
"""Every value of :data:`OP_COLOR`."""

CODE_FUNCTION_NAME: Final = "code.function.name"
"""str: module and qualified name of the op's function."""

CODE_FILE_PATH: Final = "code.file.path"
"""str: the file that defines the op's function."""

CODE_LINE_NUMBER: Final = "code.line.number"
"""int from 1: the line at which the definition begins."""

INPUT_VALUE: Final = "input.value"
"""JSON or text, see :data:`INPUT_MIME_TYPE`. For an op: an object, argument name to value."""

INPUT_MIME_TYPE: Final = "input.mime_type"
"""str: :data:`JSON_MIME_TYPE` or :data:`TEXT_MIME_TYPE`. An op's inputs are JSON also without."""

OUTPUT_VALUE: Final = "output.value"
"""JSON or text, see :data:`OUTPUT_MIME_TYPE`: what the call returned."""

OUTPUT_MIME_TYPE: Final = "output.mime_type"
"""str: :data:`JSON_MIME_TYPE` or :data:`TEXT_MIME_TYPE`. An op's output is JSON also without."""

JSON_MIME_TYPE: Final = "application/json"
"""The payload beside it is JSON text."""

TEXT_MIME_TYPE: Final = "text/plain"
"""The payload beside it is plain text."""

# What stands in a payload for large or binary content, which is kept beside the table

TYPE_KEY: Final = "_type"
"""Key that says what an object stands for, such as :data:`BLOB_TYPE`."""

BLOB_TYPE: Final = "blob"
"""The object refers to content: ``digest`` (``sha256:`` and 64 hex digits; null when the content was
dropped, and ``dropped`` says why), ``media_type``, ``size_bytes``, and what is known of the value:
``type`` (of Python), ``shape``, ``dtype``, ``columns``, ``size``, ``mode``, ``preview``."""

# What a model call used

GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
"""str: chat, embeddings, execute_tool, invoke_agent, …"""

GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
"""str: openai, anthropic, aws.bedrock, …"""

GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
"""str: the model that was asked for."""

GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
"""str: the model that answered."""

GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""int: tokens of the prompt, cached ones included."""

GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
"""int: tokens of the answer, reasoning included."""

GEN_AI_USAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
"""int: of the prompt's tokens, those read from the provider's cache."""

GEN_AI_USAGE_CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
"""int: of the prompt's tokens, those written to the provider's cache."""

GEN_AI_USAGE_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
"""int: of the answer's tokens, those spent on reasoning."""

# What is told of a model call beside its span: on log records and span events that belong to it

EVENT_NAME: Final = "event.name"
"""str, on a log record: the event's name, from clients older than the record's own field for it."""

GEN_AI_DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
"""Name of the event that carries what a model call was given and gave."""

GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
"""array of parts, or JSON: what the model was told apart from the conversation."""

GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
"""array of ``{role, parts}``, or JSON: the conversation that the model was given."""

GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
"""array of ``{role, parts, finish_reason}``, or JSON: what the model answered."""

GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
"""str: the provider's id of the answer."""

GEN_AI_EVALUATION_EVENT: Final = "gen_ai.evaluation.result"
"""Name of the event that carries one score of the span that it belongs to."""

GEN_AI_EVALUATION_NAME: Final = "gen_ai.evaluation.name"
"""str: what was evaluated: relevance, correctness, …"""

GEN_AI_EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
"""float: the score."""

GEN_AI_EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
"""str: the score in a word: pass, fail, relevant, …"""

GEN_AI_EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
"""str: why it is that score."""

# What never arrived

DROPPED_SPANS: Final = "spanloom.dropped_spans"
"""int, on any span: how many spans of its process were dropped since the last one that says so."""

# What went wrong

EXCEPTION_EVENT: Final = "exception"
"""Name of the span event that records an exception."""

EXCEPTION_TYPE: Final = "exception.type"
"""str, on the event: the exception's qualified class name."""

EXCEPTION_MESSAGE: Final = "exception.message"
"""str, on the event: the exception's text."""

EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
"""str, on the event: the formatted traceback."""

EXCEPTION_ESCAPED: Final = "exception.escaped"
"""str, on the event: ``True`` when the exception left the span, ``False`` when it was handled."""

ERROR_TYPE: Final = "error.type"
"""str, on the span: the exception's class name."""

# Evaluations. The root span (kind ``evaluation``) carries all of them; the spans below it carry
# EVALUATION_ID, and each prediction (kind ``prediction``) its example as well.

EVALUATION_ID: Final = "spanloom.evaluation.id"
"""str, 16 lower-case hex digits: the span id of the evaluation's root span."""

EVALUATION_NAME: Final = "spanloom.evaluation.name"
"""str: the evaluation's name, the same for every run of it."""

EVALUATION_DISPLAY_NAME: Final = "spanloom.evaluation.display_name"
"""str: the name of this one run."""

EVALUATION_TRIALS: Final = "spanloom.evaluation.trials"
"""int: how often each example is tried."""

DATASET_NAME: Final = "spanloom.dataset.name"
"""str: the dataset's name."""

DATASET_DIGEST: Final = "spanloom.dataset.digest"
"""str, 64 hex digits: sha256 over the digests of its rows, in order."""

DATASET_ROW_COUNT: Final = "spanloom.dataset.row_count"
"""int: how many examples the dataset holds."""

MODEL_NAME: Final = "spanloom.model.name"
"""str: the evaluated model's class, function or given name."""

MODEL_DIGEST: Final = "spanloom.model.digest"
"""str, 64 hex digits: sha256 of the model's class name and declared fields."""

MODEL_PARAMETERS: Final = "spanloom.model.parameters"
"""JSON: the model's declared fields, name to value."""

SCORER_NAMES: Final = "spanloom.scorer.names"
"""array of str: the scorers, in order."""

SCORER_NAME: Final = "spanloom.scorer.name"
"""str, on a scorer's span: which scorer it is."""

EXAMPLE_DIGEST: Final = "spanloom.example.digest"
"""str, 64 hex digits: sha256 of the example's canonical JSON; the same row has it in every run."""

EXAMPLE_INDEX: Final = "spanloom.example.index"
"""int from 0: the example's place in the dataset."""

TRIAL_INDEX: Final = "spanloom.trial.index"
"""int from 0: which try of this example it is."""

# The shape of a prediction's OUTPUT_VALUE and of an evaluation's OUTPUT_VALUE

PREDICTION_OUTPUT: Final = "output"
"""Key in a prediction's output: what the model returned; null when it failed."""

PREDICTION_SCORES: Final = "scores"
"""Key in a prediction's output: an object, scorer name to what the scorer returned."""

PREDICTION_MODEL_LATENCY: Final = "model_latency"
"""Key in a prediction's output: seconds (float) the model's call took; in a summary, its mean."""

PREDICTION_ERRORS: Final = "errors"
"""Key in a prediction's output, only when something failed: ``model`` or a scorer's name to text."""

PREDICTION_EXAMPLE: Final = "example"
"""Key in a prediction's input: the example, column to value."""

EVALUATION_METADATA: Final = "spanloom.evaluation.metadata"
"""JSON, on an evaluation's root span: what its author noted about it, name to value."""

EVALUATION_INPUT_MAPPING: Final = "spanloom.evaluation.input_mapping"
"""JSON, on an evaluation's root span: model parameter to the dataset column it was bound to,
only where the two have different names."""

# Objects: what publish stores under a name, version by version

OBJECT_KINDS: Final = ("dataset", "model", "object", "op", "prompt")
"""What an object can be. ``object`` is plain data or anything that is none of the others."""

DATASET_OBJECT: Final = "dataset"
"""A list of rows. Its version's digest is the :data:`DATASET_DIGEST` of its evaluations."""

MODEL_OBJECT: Final = "model"
"""A class name and fields. Its version's digest is the :data:`MODEL_DIGEST` of its evaluations."""

PROMPT_NAME: Final = "spanloom.prompt.name"
"""str: the name of the prompt that a call formatted last."""

PROMPT_REF: Final = "spanloom.prompt.ref"
"""str: where that prompt's version is, ``spanloom:///…``; only when it is a published one."""
