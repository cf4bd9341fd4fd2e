import asyncio

import pytest

import spanloom
from spanloom._tracing.context import flatten
from spanloom.testing import CapturedCalls


@spanloom.op
def work() -> None: ...


def test_attributes_merge_by_level_and_end_with_their_block(calls: CapturedCalls) -> None:
    with spanloom.attributes({"wandb-run-id": "r1", "ab": {"arm": "a"}}):
        with spanloom.attributes({"ab": {"arm": "b"}}):
            work()
        work()
    work()

    own = [
        {key: value for key, value in call.attributes.items() if key in ("wandb-run-id", "ab.arm")}
        for call in calls
    ]
    assert own == [{"wandb-run-id": "r1", "ab.arm": "b"}, {"wandb-run-id": "r1", "ab.arm": "a"}, {}]


async def test_attributes_belong_to_their_task(calls: CapturedCalls) -> None:
    async def run(name: str) -> None:
        with spanloom.attributes({"task": name}):
            await asyncio.sleep(0)
            work()

    await asyncio.gather(run("a"), run("b"))

    assert sorted(call.attributes["task"] for call in calls) == ["a", "b"]


def test_what_attributes_cannot_hold_becomes_json_text() -> None:
    flat = flatten(
        {
            "none": None,
            "empty": {},
            "big": 2**70,
            "mixed": [1, "a"],
            "words": ["a", "\ud800"],
            "text": "\ud800",
            "flag": True,
            "api_key": "sk-1",
            "deep": {"password": "p", "n": 1.5},
            3: "three",  # type: ignore[dict-item]
        }
    )

    assert flat == {
        "empty": "{}",
        "big": str(2**70),
        "mixed": '[1,"a"]',
        "words": ["a", "\\ud800"],
        "text": "\\ud800",
        "flag": True,
        "api_key": "***",
        "deep.password": "***",
        "deep.n": 1.5,
        "3": "three",
    }


def test_only_mappings_are_attributes() -> None:
    with (
        pytest.raises(spanloom.ConfigurationError, match="takes a mapping"),
        spanloom.attributes("session"),  # type: ignore[arg-type]
    ):
        pass
