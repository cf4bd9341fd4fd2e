"""Calls OpenAI in every way; each op is one trace."""

import asyncio
import sys

import second

import spanloom

spanloom.init(sys.argv[1])

import openai  # noqa: E402  # after init, as in an app whose first lines start recording

MESSAGES = [{"role": "user", "content": "Capital of France?"}]
ASKED = {"model": "gpt-5", "messages": MESSAGES}
STREAMED = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
RESPONSE = {"model": "gpt-5", "input": "Capital of France?"}

second.switch_on()
client = openai.OpenAI(api_key="none")


@spanloom.op
def chat() -> str:
    return client.chat.completions.create(**ASKED).choices[0].message.content


@spanloom.op
def chat_stream() -> str:
    chunks = client.chat.completions.create(**STREAMED)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@spanloom.op
def chat_stream_helper() -> str:
    wanted = {"stream_options": {"include_usage": True}}
    with client.chat.completions.stream(**ASKED, **wanted) as stream:
        return stream.get_final_completion().choices[0].message.content or ""


@spanloom.op
def responses() -> str:
    return client.responses.create(**RESPONSE).output_text


@spanloom.op
def responses_stream() -> str:
    events = client.responses.create(**RESPONSE, stream=True)
    return "".join(each.delta for each in events if each.type == "response.output_text.delta")


@spanloom.op
def embeddings() -> int:
    asked = {"model": "text-embedding-3-small", "encoding_format": "float"}
    return len(client.embeddings.create(input="Paris", **asked).data[0].embedding)


@spanloom.op
def chat_handed_on() -> object:
    return client.chat.completions.create(**ASKED)


@spanloom.op
async def chat_async(client: openai.AsyncOpenAI) -> str:
    return (await client.chat.completions.create(**ASKED)).choices[0].message.content


@spanloom.op
async def chat_stream_async(client: openai.AsyncOpenAI) -> str:
    chunks = await client.chat.completions.create(**STREAMED)
    return "".join([each.choices[0].delta.content or "" async for each in chunks if each.choices])


@spanloom.op
async def responses_async(client: openai.AsyncOpenAI) -> str:
    return (await client.responses.create(**RESPONSE)).output_text


@spanloom.op
async def responses_stream_async(client: openai.AsyncOpenAI) -> str:
    events = await client.responses.create(**RESPONSE, stream=True)
    return "".join(
        [each.delta async for each in events if each.type == "response.output_text.delta"]
    )


async def main() -> None:
    async with openai.AsyncOpenAI(api_key="none") as client:
        for case in (chat_async, chat_stream_async, responses_async, responses_stream_async):
            assert await case(client) == "Paris"


for case in (chat, chat_stream, chat_stream_helper, responses, responses_stream):
    assert case() == "Paris"
assert embeddings() == 2
chat_handed_on()
asyncio.run(main())
assert spanloom.flush()
