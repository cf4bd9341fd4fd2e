"""Calls Amazon Bedrock, plain and streaming; each op is one trace."""

import sys

import boto3

import spanloom

spanloom.init(sys.argv[1])

ASKED = {
    "modelId": "amazon.nova-pro-v1:0",
    "messages": [{"role": "user", "content": [{"text": "Capital of France?"}]}],
}

client = boto3.client("bedrock-runtime", region_name="eu-west-1")


@spanloom.op
def converse() -> str:
    return client.converse(**ASKED)["output"]["message"]["content"][0]["text"]


@spanloom.op
def converse_stream() -> str:
    events = client.converse_stream(**ASKED)["stream"]
    deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
    return "".join(delta["text"] for delta in deltas)


@spanloom.op
def converse_handed_on() -> object:
    return client.converse(**ASKED)


assert converse() == converse_stream() == "Paris"
converse_handed_on()
assert spanloom.flush()
