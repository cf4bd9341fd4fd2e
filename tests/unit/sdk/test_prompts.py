from typing import Any

import pytest

import spanloom
from spanloom import MessagesPrompt, StringPrompt
from spanloom._objects.address import Address
from spanloom.testing import CapturedCalls


def test_variables_are_filled_in_and_braces_kept() -> None:
    prompt = StringPrompt("{n:03} of {what!r} in {{braces}}")

    assert prompt.variables == ["n", "what"]
    assert prompt.format(n=7, what="x", more=1) == "007 of 'x' in {braces}"


def test_only_contents_of_messages_are_filled_in() -> None:
    image = {"type": "image_url", "image_url": {"url": "{raw}"}}
    text = {"type": "text", "text": "Look at {what}"}
    prompt = MessagesPrompt(
        [
            {"role": "system", "content": "Be {tone}.", "name": "{raw}"},
            {"role": "user", "content": [text, image]},
            {"role": "assistant", "content": None},
        ]
    )

    assert prompt.variables == ["tone", "what"]
    assert prompt.format(tone="kind", what="it") == [
        {"role": "system", "content": "Be kind.", "name": "{raw}"},
        {"role": "user", "content": [{"type": "text", "text": "Look at it"}, image]},
        {"role": "assistant", "content": None},
    ]


def test_missing_variables_are_all_named() -> None:
    with pytest.raises(spanloom.PromptError, match=r"format\(a=…, c=…\)"):
        StringPrompt("{a} {b} {c} {a}").format(b=1)
    with pytest.raises(spanloom.PromptError, match=r"format\(a=…, b=…\)"):
        MessagesPrompt([{"content": "{a}"}, {"content": "{b}"}]).format()


@pytest.mark.parametrize(
    "content",
    ["{x.__class__}", "{x[0]}", "{}", "{0}", '{"a": 1}', "{x:{y}}", "{", "}", "{x!q}", "{x:?}"],
)
def test_a_prompt_reaches_into_nothing_and_says_how_to_write_braces(content: str) -> None:
    with pytest.raises(spanloom.PromptError):
        StringPrompt(content).format(x=1, y=2)


@pytest.mark.parametrize("wrong", ["text", {"role": "user"}, ["text"]])
def test_messages_are_a_list_of_mappings(wrong: Any) -> None:
    with pytest.raises(spanloom.ConfigurationError, match="is a list of messages"):
        MessagesPrompt(wrong)


def test_a_string_prompt_is_a_text() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="is a text"):
        StringPrompt(5)  # type: ignore[arg-type]


def test_the_call_that_formats_a_prompt_records_which(calls: CapturedCalls) -> None:
    prompt = StringPrompt("Hello {who}", name="greeting")

    @spanloom.op
    def greet() -> str:
        return prompt.format(who="Ada")

    greet()
    prompt.ref = Address("p", "greeting", "v1")
    greet()
    prompt.format(who="nobody")

    recorded = [
        {name: value for name, value in call.attributes.items() if "prompt" in name}
        for call in calls
    ]
    assert recorded == [
        {"spanloom.prompt.name": "greeting"},
        {
            "spanloom.prompt.name": "greeting",
            "spanloom.prompt.ref": "spanloom:///p/object/greeting:v1",
        },
    ]


def test_a_prompt_without_a_name_records_nothing(calls: CapturedCalls) -> None:
    @spanloom.op
    def greet() -> str:
        return StringPrompt("Hello").format()

    greet()

    assert not [name for name in calls.one("greet").attributes if "prompt" in name]
