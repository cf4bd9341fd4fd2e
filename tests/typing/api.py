"""What users' type checkers see; mypy and pyright read this, nobody runs it."""
# pyright: reportUnnecessaryTypeIgnoreComment=error

import functools
from collections.abc import AsyncIterator, Callable, Iterator
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


def title(call: Call) -> str:
    return call.op_name


@spanloom.op(
    call_display_name=title,
    postprocess_inputs=lambda inputs: {**inputs},
    postprocess_output=len,
    accumulator=lambda total, item: (total or 0) + item,
    tracing_sample_rate=0.5,
    capture_inputs=True,
    capture_output=False,
    capture_code=True,
    attributes={"a": {"b": 1}},
    tags=["a"],
    color="blue",
)
def with_options(a: int, *rest: str, flag: bool = False) -> list[str]:
    return list(rest)


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

    @staticmethod
    @spanloom.op
    def twice(n: int) -> int:
        return 2 * n


assert_type(plain(1, b="x"), float)
assert_type(plain.call(1), tuple[float, Call])
assert_type(numbers(3), Iterator[int])
assert_type(numbers_later(3), AsyncIterator[int])
assert_type(with_options(1, "a", flag=True), list[str])
assert_type(with_options.call(1, "a"), tuple[list[str], Call])
assert_type(Chat.twice(2), int)
assert_type(spanloom.op(functools.partial(plain, 1))(), float)
as_callable: Callable[[int], float] = plain
with_options("wrong")  # type: ignore[arg-type]
plain("wrong")  # type: ignore[arg-type]
plain(1, c=2)  # type: ignore[call-arg]


client = spanloom.Client("project")
assert_type(client.calls(op=plain)[0], spanloom.RecordedCall)
assert_type(client.calls(limit=3)[:2], list[spanloom.RecordedCall])
assert_type(client.call("id").output, Any)
assert_type([said.value for said in plain.calls()[0].feedback], list[bool | float | None])


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
    with spanloom.attributes(
        {"release": "7"}, session="s", user="u", tags=["t"], metadata={"a": 1}
    ):
        plain(1)
    with spanloom.thread("t") as thread_id:
        assert_type(thread_id, str)
    with spanloom.span("s", kind="tool", inputs={"a": 1}, attributes={"b": 2}) as call:
        assert_type(call, Call)
        call.set_output(1)
        call.set_usage(input_tokens=1, model="m")
    assert_type(spanloom.headers(), dict[str, str])
    with spanloom.remote_parent({"traceparent": "x"}), spanloom.ThreadPoolExecutor(2) as pool:
        assert_type(pool.submit(plain, 1).result(), float)
    assert_type(spanloom.current_call(), Call | None)
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
