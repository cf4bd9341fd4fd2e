import asyncio

import pytest
from opentelemetry import context as otel_context
from opentelemetry.context import Context

import spanloom
from spanloom._surroundings import ForeignVariable, UnsampledSpan, variable, variable_behind
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


def test_sessions_users_tags_and_metadata_have_their_names(calls: CapturedCalls) -> None:
    with spanloom.attributes({"session.id": "s0", "release": "7"}, user="u1", tags=["a"]):
        with spanloom.attributes(session="s1", tags=["b", "a"], metadata={"plan": {"seats": 3}}):
            work()
        work()

    inner, outer = (dict(call.attributes) for call in calls)
    assert (inner["session.id"], inner["user.id"], inner["release"]) == ("s1", "u1", "7")
    assert list(inner["tag.tags"]) == ["a", "b"]
    assert inner["metadata.plan.seats"] == 3
    assert outer["session.id"] == "s0"
    assert "metadata.plan.seats" not in outer


def test_a_thread_is_a_conversation(calls: CapturedCalls) -> None:
    with spanloom.thread("support-17") as named:
        work()
    with spanloom.thread() as made:
        work()

    assert named == "support-17"
    assert [call.attributes["gen_ai.conversation.id"] for call in calls] == [named, made]


def test_a_tag_is_no_list_of_letters() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="tags are a list"):
        spanloom.attributes(tags="beta").__enter__()


def test_a_runtime_context_of_the_apps_own_is_used_as_it_wants_to_be() -> None:
    foreign = variable_behind(object())
    token = foreign.set(Context({"a": 1}))
    inside = variable.get()
    foreign.reset(token)

    assert isinstance(foreign, ForeignVariable)
    assert inside == {"a": 1}
    assert foreign.get() is otel_context.get_current() is variable.get()


def test_an_unsampled_span_keeps_the_identity_that_it_is_asked_for() -> None:
    span = UnsampledSpan()

    assert span.get_span_context() is span.get_span_context()
    assert span.get_span_context().is_valid
    assert repr(span) == "UnsampledSpan()"
