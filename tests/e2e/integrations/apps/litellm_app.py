"""Calls two providers through LiteLLM; each op is one trace."""

import asyncio
import sys

import second

import spanloom

spanloom.init(sys.argv[1])

import litellm  # noqa: E402  # after init, as in an app whose first lines start recording

MESSAGES = [{"role": "user", "content": "Capital of France?"}]
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


second.switch_on()


@spanloom.op
def completion() -> str:
    answer = litellm.completion(model="openai/gpt-5", messages=MESSAGES)
    return answer.choices[0].message.content


@spanloom.op
def completion_stream() -> str:
    chunks = litellm.completion(model="openai/gpt-5", messages=MESSAGES, **STREAMED)
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


@spanloom.op
def completion_of_anthropic() -> str:
    answer = litellm.completion(model="anthropic/claude-sonnet-5", messages=MESSAGES)
    return answer.choices[0].message.content


@spanloom.op
def completion_handed_on() -> object:
    return litellm.completion(model="openai/gpt-5", messages=MESSAGES)


@spanloom.op
async def completion_async() -> str:
    answer = await litellm.acompletion(model="openai/gpt-5", messages=MESSAGES)
    return answer.choices[0].message.content


@spanloom.op
async def completion_stream_async() -> str:
    chunks = await litellm.acompletion(model="openai/gpt-5", messages=MESSAGES, **STREAMED)
    return "".join([each.choices[0].delta.content or "" async for each in chunks if each.choices])


async def main() -> None:
    assert await completion_async() == "Paris"
    assert await completion_stream_async() == "Paris"


for case in (completion, completion_stream, completion_of_anthropic):
    assert case() == "Paris"
completion_handed_on()
asyncio.run(main())
assert spanloom.flush()
