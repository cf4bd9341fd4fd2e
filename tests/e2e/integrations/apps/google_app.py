"""Calls Gemini in every way; each op is one trace."""

import asyncio
import sys

import second

import spanloom

spanloom.init(sys.argv[1])

from google import genai  # noqa: E402  # after init, as in an app whose first lines start recording

ASKED = {"model": "gemini-3-flash", "contents": "Capital of France?"}

second.switch_on()
client = genai.Client(api_key="none")


@spanloom.op
def generate() -> str:
    return client.models.generate_content(**ASKED).text


@spanloom.op
def generate_stream() -> str:
    return "".join(chunk.text for chunk in client.models.generate_content_stream(**ASKED))


@spanloom.op
def generate_handed_on() -> object:
    return client.models.generate_content(**ASKED)


@spanloom.op
def conversation() -> str:
    return client.chats.create(model=ASKED["model"]).send_message("Capital of France?").text


@spanloom.op
async def generate_async() -> str:
    return (await client.aio.models.generate_content(**ASKED)).text


@spanloom.op
async def generate_stream_async() -> str:
    chunks = await client.aio.models.generate_content_stream(**ASKED)
    return "".join([chunk.text async for chunk in chunks])


async def main() -> None:
    for case in (generate_async, generate_stream_async):
        assert await case() == "Paris"
    await client.aio.aclose()


for case in (generate, generate_stream, conversation):
    assert case() == "Paris"
generate_handed_on()
asyncio.run(main())
assert spanloom.flush()
