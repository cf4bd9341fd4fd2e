"""Tokens and model names, read from what a call returned.

Clients disagree on names and on what they count: here totals include cached and reasoning tokens.
"""

from typing import Any, Final, NamedTuple

from spanloom import conventions
from spanloom.errors import ConfigurationError

Path = tuple[str, ...]

_SCALARS: Final = (str, int, float, bool, bytes, type(None), list, tuple, set)
_INT64_MAX: Final = 2**63 - 1

USAGE_PATHS: Final[tuple[Path, ...]] = (
    ("usage",),
    ("usage_metadata",),
    ("usageMetadata",),
    ("llm_output", "token_usage"),
)
MODEL_PATHS: Final[tuple[Path, ...]] = (
    ("model",),
    ("model_version",),
    ("modelVersion",),
    ("response_metadata", "model_name"),
    ("llm_output", "model_name"),
)
INPUT_PATHS: Final[tuple[Path, ...]] = (
    ("prompt_tokens",),
    ("input_tokens",),
    ("prompt_token_count",),
    ("promptTokenCount",),
    ("inputTokens",),
)
OUTPUT_PATHS: Final[tuple[Path, ...]] = (
    ("completion_tokens",),
    ("output_tokens",),
    ("candidates_token_count",),
    ("candidatesTokenCount",),
    ("outputTokens",),
)
TOTAL_PATHS: Final[tuple[Path, ...]] = (("total_tokens",), ("totalTokens",))
CACHE_READ_PATHS: Final[tuple[Path, ...]] = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("cache_read_input_tokens",),
    ("cached_content_token_count",),
    ("cachedContentTokenCount",),
    ("cacheReadInputTokens",),
    ("input_token_details", "cache_read"),
    ("cache_read_tokens",),
)
CACHE_WRITE_PATHS: Final[tuple[Path, ...]] = (
    ("cache_creation_input_tokens",),
    ("cacheWriteInputTokens",),
    ("input_token_details", "cache_creation"),
    ("input_tokens_details", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_creation_tokens"),
    ("cache_write_tokens",),
)
REASONING_PATHS: Final[tuple[Path, ...]] = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "thinking_tokens"),
    ("thoughts_token_count",),
    ("thoughtsTokenCount",),
    ("output_token_details", "reasoning"),
    ("reasoning_tokens",),
)
EXCLUSIVE_CACHE_PATHS: Final[tuple[Path, ...]] = (
    ("cache_read_input_tokens",),
    ("cache_creation_input_tokens",),
    ("cacheReadInputTokens",),
    ("cacheWriteInputTokens",),
)
"""Counts that come on top of ``input_tokens`` (Anthropic, Bedrock), unless a total denies it."""
EXCLUSIVE_INPUT_PATHS: Final[tuple[Path, ...]] = (("input_tokens",), ("inputTokens",))
EXCLUSIVE_TOOL_PATHS: Final[tuple[Path, ...]] = (
    ("tool_use_prompt_token_count",),
    ("toolUsePromptTokenCount",),
)
"""What tools put into the prompt, on top of the prompt's tokens (Gemini)."""
EXCLUSIVE_REASONING_PATHS: Final[tuple[Path, ...]] = (
    ("thoughts_token_count",),
    ("thoughtsTokenCount",),
)
"""Counts that come on top of the candidates' tokens (Gemini)."""


class Usage(NamedTuple):
    """What one model call used; None: not told."""

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def attributes(self) -> dict[str, str | int]:
        """Return the span attributes for everything that is known."""
        named = {
            conventions.GEN_AI_RESPONSE_MODEL: self.model,
            conventions.GEN_AI_USAGE_INPUT_TOKENS: self.input_tokens,
            conventions.GEN_AI_USAGE_OUTPUT_TOKENS: self.output_tokens,
            conventions.GEN_AI_USAGE_CACHE_READ_TOKENS: self.cache_read_tokens,
            conventions.GEN_AI_USAGE_CACHE_WRITE_TOKENS: self.cache_write_tokens,
            conventions.GEN_AI_USAGE_REASONING_TOKENS: self.reasoning_tokens,
        }
        return {name: value for name, value in named.items() if value is not None}


def read_usage(output: object) -> Usage | None:
    """Return the usage that a model client's answer carries, as keys or attributes, or None.

    Understands the answers of OpenAI (chat and Responses), Anthropic, Gemini, Bedrock, LiteLLM and
    LangChain, and any mapping with ``{"usage": {"input_tokens": 3, "output_tokens": 5}}``.
    """
    if issubclass(type(output), _SCALARS):  # what an object says of its class may raise
        return None
    for path in USAGE_PATHS:
        usage = _follow(output, path)
        if usage is not None and not isinstance(usage, _SCALARS):
            return _read(output, usage)
    return None


def stated_usage(model: str | None, **counts: int | None) -> Usage:
    """Return the usage that an app states itself.

    Raises:
        ConfigurationError: a count is no whole number from 0 on.
    """
    for name, count in counts.items():
        if count is not None and _checked(count) is None:
            raise ConfigurationError(f"{name} must be a whole number from 0 on, but is {count!r}")
    return Usage(model, **counts)


def _read(output: object, usage: object) -> Usage | None:
    input_tokens = _input_tokens(usage)
    output_tokens = _first_count(usage, OUTPUT_PATHS)
    if input_tokens is None and output_tokens is None:
        return None
    if output_tokens is not None:
        output_tokens += _first_count(usage, EXCLUSIVE_REASONING_PATHS) or 0
    return Usage(
        model=_model(output),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=_first_count(usage, CACHE_READ_PATHS),
        cache_write_tokens=_first_count(usage, CACHE_WRITE_PATHS),
        reasoning_tokens=_first_count(usage, REASONING_PATHS),
    )


def _input_tokens(usage: object) -> int | None:
    told = _first_count(usage, INPUT_PATHS)
    if told is None:
        return None
    if told != _first_count(usage, EXCLUSIVE_INPUT_PATHS):
        return told + (_first_count(usage, EXCLUSIVE_TOOL_PATHS) or 0)
    total = _first_count(usage, TOTAL_PATHS)
    if total is not None and total == told + (_first_count(usage, OUTPUT_PATHS) or 0):
        return told
    return told + sum(_first_count(usage, (path,)) or 0 for path in EXCLUSIVE_CACHE_PATHS)


def _model(output: object) -> str | None:
    for path in MODEL_PATHS:
        found = _follow(output, path)
        if isinstance(found, str) and found:
            return found
    return None


def _first_count(usage: object, paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        found = _checked(_follow(usage, path))
        if found is not None:
            return found
    return None


def _checked(count: object) -> int | None:
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _INT64_MAX:
        return count
    return None


def _follow(value: object, path: Path) -> Any:
    for name in path:
        value = _member(value, name)
    return value


def _member(value: object, name: str) -> Any:
    if issubclass(type(value), dict):
        return value.get(name)  # type: ignore[attr-defined]
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001  # a property of the app's own
        return None
