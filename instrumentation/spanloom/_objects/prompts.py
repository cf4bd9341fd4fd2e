"""Prompts: texts with variables, published like any other object."""

import dataclasses
import string
from collections.abc import Mapping, Sequence
from typing import Any

from spanloom import conventions
from spanloom._objects.address import Address
from spanloom._tracing.context import get_current_call
from spanloom.errors import ConfigurationError, PromptError

Message = Mapping[str, Any]


@dataclasses.dataclass
class StringPrompt:
    """A text with variables in braces.

    Attributes:
        content: the text; ``{name}`` is a variable, ``{{`` and ``}}`` are braces.
        name: under which it is published.
        description: what it is good for.
        ref: where it is published, once it is.

    Example:
        >>> StringPrompt("What is the capital of {country}?").format(country="Peru")
        'What is the capital of Peru?'
    """

    content: str
    name: str | None = None
    description: str | None = None
    ref: Address | None = dataclasses.field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.content, str):
            raise ConfigurationError(f"a StringPrompt is a text, not {self.content!r}")

    @property
    def variables(self) -> list[str]:
        """The names of its variables, each once.

        Raises:
            PromptError: its braces do not fit.
        """
        return _variables(self.content)

    def format(self, **values: object) -> str:
        """Return the text with its variables filled in.

        The call that this happens in records which prompt it used.

        Raises:
            PromptError: a variable has no value, or its braces do not fit.
        """
        text = _filled(self.content, values)
        _record(self.name, self.ref)
        return text


@dataclasses.dataclass
class MessagesPrompt:
    """Messages of a conversation with variables in braces.

    Attributes:
        messages: mappings with ``role`` and ``content``; the content is a text, or a list of parts
            of which those with a ``text`` are filled in.
        name: under which it is published.
        description: what it is good for.
        ref: where it is published, once it is.

    Example:
        >>> prompt = MessagesPrompt([{"role": "user", "content": "Where is {city}?"}])
        >>> prompt.format(city="Lima")
        [{'role': 'user', 'content': 'Where is Lima?'}]
    """

    messages: Sequence[Message]
    name: str | None = None
    description: str | None = None
    ref: Address | None = dataclasses.field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.messages, str | Mapping) or not all(
            isinstance(message, Mapping) for message in self.messages
        ):
            raise ConfigurationError(
                "a MessagesPrompt is a list of messages such as"
                f" {{'role': 'user', 'content': '…'}}, not {self.messages!r}"
            )
        self.messages = [dict(message) for message in self.messages]

    @property
    def variables(self) -> list[str]:
        """The names of the variables of all messages, each once.

        Raises:
            PromptError: some braces do not fit.
        """
        texts = [text for message in self.messages for text in _texts(message.get("content"))]
        return list(dict.fromkeys(name for text in texts for name in _variables(text)))

    def format(self, **values: object) -> list[dict[str, Any]]:
        """Return the messages with their variables filled in; see ``StringPrompt.format``.

        Raises:
            PromptError: a variable has no value, or some braces do not fit.
        """
        _check(self.variables, values)
        messages = [
            {key: _content(item, values) if key == "content" else item for key, item in pairs}
            for pairs in (message.items() for message in self.messages)
        ]
        _record(self.name, self.ref)
        return messages


class _Formatter(string.Formatter):
    """Fills in names and nothing else.

    A prompt may come from a server: it must not reach into the objects that it is given.
    """

    def parse(self, text: str) -> Any:
        try:
            for literal, field, spec, conversion in super().parse(text):
                if field is not None and not (field.isidentifier() and "{" not in (spec or "")):
                    raise PromptError(
                        f"{{{field}}} is no variable: a variable is a plain name in braces, and"
                        " braces themselves are written {{ and }}"
                    )
                yield literal, field, spec, conversion
        except ValueError as error:
            if isinstance(error, PromptError):
                raise
            raise PromptError(f"{error}: braces themselves are written {{{{ and }}}}") from error


_FORMATTER = _Formatter()


def _variables(text: str) -> list[str]:
    fields = [field for _, field, _, _ in _FORMATTER.parse(text)]
    return list(dict.fromkeys(field for field in fields if field is not None))


def _check(variables: Sequence[str], values: Mapping[str, object]) -> None:
    missing = [name for name in variables if name not in values]
    if missing:
        wanted = ", ".join(f"{name}=…" for name in missing)
        raise PromptError(f"the prompt needs more: format({wanted})")


def _filled(text: str, values: Mapping[str, object]) -> str:
    _check(_variables(text), values)
    try:
        return _FORMATTER.vformat(text, (), values)
    except PromptError:
        raise
    except (TypeError, ValueError) as error:
        raise PromptError(f"the prompt cannot be filled in: {error}") from error


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, list | tuple):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return [text for text in parts if isinstance(text, str)]
    return []


def _content(content: Any, values: Mapping[str, object]) -> Any:
    if isinstance(content, str):
        return _filled(content, values)
    if isinstance(content, list | tuple):
        return [_part(part, values) for part in content]
    return content


def _part(part: Any, values: Mapping[str, object]) -> Any:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return {**part, "text": _filled(part["text"], values)}
    return part


def _record(name: str | None, ref: Address | None) -> None:
    call = get_current_call()
    if call is None or (name is None and ref is None):
        return
    attributes: dict[str, object] = {conventions.PROMPT_NAME: ref.name if ref else name}
    if ref is not None:
        attributes[conventions.PROMPT_REF] = ref.uri
    call.set_attributes(attributes)
