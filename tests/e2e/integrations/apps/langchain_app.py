"""Calls OpenAI through LangChain; each op is one trace."""

import asyncio
import sys

import second

import spanloom

spanloom.init(sys.argv[1])

from langchain_core.prompts import ChatPromptTemplate  # noqa: E402  # after init
from langchain_openai import ChatOpenAI  # noqa: E402  # after init

model = ChatOpenAI(model="gpt-5", api_key="none", stream_usage=True, use_responses_api=False)
chain = ChatPromptTemplate.from_template("Capital of {country}?") | model


second.switch_on()


@spanloom.op
def invoke() -> str:
    return model.invoke("Capital of France?").text


@spanloom.op
def stream() -> str:
    return "".join(chunk.text for chunk in model.stream("Capital of France?"))


@spanloom.op
def chained() -> str:
    return chain.invoke({"country": "France"}).text


@spanloom.op
def handed_on() -> object:
    return model.invoke("Capital of France?")


@spanloom.op
async def invoke_async() -> str:
    return (await model.ainvoke("Capital of France?")).text


@spanloom.op
async def stream_async() -> str:
    return "".join([chunk.text async for chunk in model.astream("Capital of France?")])


async def main() -> None:
    assert await invoke_async() == "Paris"
    assert await stream_async() == "Paris"


for case in (invoke, stream, chained):
    assert case() == "Paris"
handed_on()
asyncio.run(main())
assert spanloom.flush()
