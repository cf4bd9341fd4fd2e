"""Calls Anthropic in every way; each op is one trace."""

import asyncio
import sys

import anthropic
import second

import spanloom

spanloom.init(sys.argv[1])

ASKED = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Capital of France?"}],
}

second.switch_on()
client = anthropic.Anthropic(api_key="none")


@spanloom.op
def message() -> str:
    return client.messages.create(**ASKED).content[0].text


@spanloom.op
def message_stream() -> str:
    events = client.messages.create(**ASKED, stream=True)
    return "".join(each.delta.text for each in events if each.type == "content_block_delta")


@spanloom.op
def message_stream_helper() -> str:
    with client.messages.stream(**ASKED) as stream:
        return "".join(stream.text_stream)


@spanloom.op
def message_handed_on() -> object:
    return client.messages.create(**ASKED)


@spanloom.op
async def message_async(client: anthropic.AsyncAnthropic) -> str:
    return (await client.messages.create(**ASKED)).content[0].text


@spanloom.op
async def message_stream_async(client: anthropic.AsyncAnthropic) -> str:
    events = await client.messages.create(**ASKED, stream=True)
    return "".join([each.delta.text async for each in events if each.type == "content_block_delta"])


@spanloom.op
async def message_stream_helper_async(client: anthropic.AsyncAnthropic) -> str:
    async with client.messages.stream(**ASKED) as stream:
        return "".join([text async for text in stream.text_stream])


async def main() -> None:
    async with anthropic.AsyncAnthropic(api_key="none") as client:
        for case in (message_async, message_stream_async, message_stream_helper_async):
            assert await case(client) == "Paris"


for case in (message, message_stream, message_stream_helper):
    assert case() == "Paris"
message_handed_on()
asyncio.run(main())
assert spanloom.flush()
