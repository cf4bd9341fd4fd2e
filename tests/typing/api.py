"""What users' type checkers see; mypy reads this, nobody runs it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import spanloom
from spanloom import Call


@spanloom.op
def plain(a: int, b: str = "") -> float:
    return 1.0


@spanloom.op(kind="llm", name="ask")
async def later(question: str, *, model: str) -> dict[str, int]:
    return {}


@spanloom.op()
def numbers(n: int) -> Iterator[int]:
    yield n


@spanloom.op
async def numbers_later(n: int) -> AsyncIterator[int]:
    yield n


class Chat(spanloom.Model):
    model_name: str

    def model_post_init(self, context: Any) -> None:
        self.weights = [1, 2]

    @spanloom.op
    async def predict(self, query: str) -> str:
        return query

    @spanloom.op
    def score(self, n: int) -> bool:
        return n > 0


assert_type(plain(1, b="x"), float)
assert_type(plain.call(1), tuple[float, Call])
assert_type(numbers(3), Iterator[int])
assert_type(numbers_later(3), AsyncIterator[int])
plain("wrong")  # type: ignore[arg-type]
plain(1, c=2)  # type: ignore[call-arg]


async def use(chat: Chat, evaluation: spanloom.Evaluation) -> None:
    assert_type(await later("q", model="m"), dict[str, int])
    assert_type(await later.call("q", model="m"), tuple[dict[str, int], Call])
    assert_type(await chat.predict("q"), str)
    assert_type(await chat.predict.call(chat, "q"), tuple[str, Call])
    assert_type(chat.score(3), bool)
    assert_type(chat.score.call(chat, 3), tuple[bool, Call])
    assert_type(Chat.score(chat, 3), bool)
    assert_type(await evaluation.evaluate(chat), dict[str, Any])
    assert_type(await evaluation.evaluate.call(evaluation, chat), tuple[dict[str, Any], Call])
    assert_type(evaluation.evaluate_sync(chat), dict[str, Any])
    chat.score("wrong")  # type: ignore[arg-type]


def session() -> None:
    client = spanloom.init("team/project", attributes={"service.version": "1"})
    assert_type(client, spanloom.Client)
    assert_type(spanloom.flush(timeout_s=1), bool)
    assert_type(spanloom.get_current_call(), Call | None)
    assert_type(spanloom.require_current_call().id, str)
    with spanloom.attributes({"session.id": "s"}):
        plain(1)
    dataset = spanloom.Dataset(name="d", rows=[{"a": 1}])
    assert_type(dataset[0], dict[str, Any])
    assert_type(dataset.select([0]).add_rows([{"a": 2}]), spanloom.Dataset)
    spanloom.Evaluation(dataset=dataset, scorers=[plain])


def objects() -> None:
    reference = spanloom.publish({"a": 1}, name="n", tags=["t"])
    assert_type(reference, spanloom.Ref)
    assert_type(reference.get(Chat), Chat)
    assert_type(spanloom.ref("n:v1").info(), spanloom.VersionInfo)
    assert_type(spanloom.StringPrompt("{a}").format(a=1), str)
    messages = spanloom.MessagesPrompt([{"role": "user", "content": "{a}"}])
    assert_type(messages.format(a=1), list[dict[str, Any]])
