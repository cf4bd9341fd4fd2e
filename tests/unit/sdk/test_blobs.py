"""Large or binary values go beside the span, found by their digest, and never hold the app up."""

import base64
import hashlib
import io
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy
import pandas  # type: ignore[import-untyped]
import polars
import pytest
from PIL import Image

import spanloom
from spanloom import conventions
from spanloom._outgoing.blobs import Content, Outbox
from spanloom._settings import Settings
from spanloom.sync import sync
from tests.unit.sdk.sink import Answer, Sink, attributes_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@spanloom.op
def show(value: Any) -> None:
    pass


def recorded(sink: Sink, value: object, **settings: object) -> Any:
    """Record a value through the whole way and return what the server gets for it."""
    spanloom.init(endpoint=sink.url, settings=settings)
    show(value)
    assert spanloom.flush()
    span = sink.await_spans(1)[-1]
    return json.loads(str(attributes_of(span)[conventions.INPUT_VALUE]))["value"]


def read_npy(content: bytes) -> list[Any]:
    return list(numpy.load(io.BytesIO(content)).tolist())


def read_parquet(content: bytes) -> list[Any]:
    return polars.read_parquet(io.BytesIO(content)).rows()


def read_pixels(content: bytes) -> object:
    return Image.open(io.BytesIO(content)).convert("RGB").getpixel((1, 1))


LARGE_VALUES: list[tuple[Callable[[], Any], dict[str, Any], str, Callable[[bytes], Any], Any]] = [
    (
        lambda: numpy.arange(5000),
        {"type": "numpy.ndarray", "shape": [5000], "dtype": "int64"},
        "application/x-npy",
        read_npy,
        list(range(5000)),
    ),
    (
        lambda: Image.new("RGB", (20, 10), (1, 2, 3)),
        {"type": "PIL.Image", "size": [20, 10], "mode": "RGB"},
        "image/png",
        read_pixels,
        (1, 2, 3),
    ),
    (
        lambda: Image.new("CMYK", (20, 10)),
        {"type": "PIL.Image", "size": [20, 10], "mode": "CMYK"},
        "image/png",
        read_pixels,
        (255, 255, 255),
    ),
    (
        lambda: polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        {"type": "polars.DataFrame", "shape": [2, 2], "columns": {"a": "Int64", "b": "String"}},
        "application/vnd.apache.parquet",
        read_parquet,
        [(1, "x"), (2, "y")],
    ),
    (
        lambda: pandas.DataFrame({"a": [1, 2]}),
        {"type": "pandas.DataFrame", "shape": [2, 1], "columns": {"a": "int64"}},
        "application/vnd.apache.parquet",
        read_parquet,
        [(1,), (2,)],
    ),
    (
        lambda: polars.Series(range(2000)),
        {"type": "polars.Series", "shape": [2000], "dtype": "Int64"},
        "application/vnd.apache.parquet",
        len,
        None,
    ),
]


@pytest.mark.parametrize(
    ("make", "facts", "media_type", "read", "content"),
    LARGE_VALUES,
    ids=[f"{case[1]['type']} {case[2]} {n}" for n, case in enumerate(LARGE_VALUES)],
)
def test_what_is_large_goes_beside_the_span(
    sink: Sink,
    make: Callable[[], Any],
    facts: dict[str, Any],
    media_type: str,
    read: Callable[[bytes], Any],
    content: Any,
) -> None:
    reference = recorded(sink, make())

    stored = sink.blobs[reference["digest"]]
    told = {"digest": digest_of(stored), "media_type": media_type, "size_bytes": len(stored)}
    assert reference == {"_type": "blob", **told, **facts}
    assert content is None or read(stored) == content


def test_a_tensor_goes_beside_the_span(sink: Sink) -> None:
    torch = pytest.importorskip("torch")

    reference = recorded(sink, torch.arange(2000))

    assert (reference["type"], reference["shape"]) == ("torch.Tensor", [2000])
    assert read_npy(sink.blobs[reference["digest"]]) == list(range(2000))


@pytest.mark.parametrize(
    "value",
    [
        PNG,
        bytearray(PNG),
        base64.b64encode(PNG).decode(),
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
    ],
    ids=["bytes", "bytearray", "base64", "data URI"],
)
def test_pictures_in_bytes_and_base64_are_taken_out(sink: Sink, value: Any) -> None:
    reference = recorded(sink, value)

    told = {"digest": digest_of(PNG), "media_type": "image/png", "size_bytes": len(PNG)}
    assert reference == {"_type": "blob", **told}
    assert sink.blobs == {digest_of(PNG): PNG}


@pytest.mark.parametrize(
    "value", ["word " * 9000, "A" * 9000, base64.b64encode(bytes(6000)).decode(), {"A" * 9000: 1}]
)
def test_what_only_resembles_a_picture_stays(sink: Sink, value: object) -> None:
    assert recorded(sink, value) == value
    assert sink.blobs == {}


@pytest.mark.parametrize(("value", "media_type"), [("한" * 4000 + "word " * 600_000, "text/plain")])
def test_a_text_too_long_for_the_span_keeps_its_beginning_there(
    sink: Sink, value: str, media_type: str
) -> None:
    reference = recorded(sink, value + '{"api_key":"sk-1"}')

    assert reference["preview"] == value[:2000]
    assert reference["length"] == len(value) + 18
    assert reference["media_type"].startswith(media_type)
    assert sink.blobs[reference["digest"]].decode() == value + '{"api_key":"***"}'


def test_bytes_too_many_for_the_span_are_not_copied_into_it(sink: Sink) -> None:
    reference = recorded(sink, {"file": bytes(3 << 20), "n": 1})

    assert reference["n"] == 1
    assert reference["file"]["size_bytes"] == 3 << 20


def test_a_value_is_stored_as_it_was_before_the_call(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url)
    array = numpy.zeros(2000)

    show(array)
    array += 1

    assert spanloom.flush()
    assert read_npy(next(iter(sink.blobs.values()))) == [0.0] * 2000


def test_equal_content_is_uploaded_once(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url)

    for _ in range(5):
        show(numpy.zeros(2000))
    assert spanloom.flush()
    for _ in range(5):
        show([PNG, numpy.zeros(2000)])
    assert spanloom.flush()

    assert len(sink.puts) == len(set(sink.puts)) == 2
    assert len(sink.await_spans(10)) == 10


def test_what_the_server_has_already_is_not_sent(sink: Sink) -> None:
    sink.blobs[digest_of(PNG)] = PNG

    recorded(sink, PNG)

    assert sink.puts == []


def test_what_exceeds_the_bounds_is_described_and_told_once(
    sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.blob_answers = [Answer(503)] * 100
    limits = {"blob_queue_max_bytes": 20_000, "blob_max_bytes": 40_000, "retry_initial_s": 60.0}
    spanloom.init(endpoint=sink.url, settings={**limits, "exit_timeout_s": 0.5})

    with caplog.at_level(logging.WARNING, "spanloom"):
        for number in range(4):
            show(numpy.full(2000, number))
        show(numpy.zeros(9000))
        assert not spanloom.flush(1)

    values = [
        json.loads(str(attributes_of(span)[conventions.INPUT_VALUE]))["value"]
        for span in sink.await_spans(5)
    ]
    assert [value.get("dropped") for value in values] == [
        None,
        *["too much was waiting to be uploaded"] * 3,
        "larger than 40000 bytes",
    ]
    assert all(value["shape"] for value in values)
    assert len([text for text in caplog.messages if "faster than" in text]) == 1


def test_offline_content_is_described_alone(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url, mode="offline")
    show(numpy.arange(5000))
    spanloom.finish()

    assert sink.connection_count == 0
    assert [synced.span_count for synced in sync()] == [1]
    value = json.loads(str(attributes_of(sink.await_spans(1)[0])[conventions.INPUT_VALUE]))["value"]
    assert value["shape"] == [5000]
    assert "digest" not in value
    assert not sink.puts


@pytest.mark.parametrize(
    "answers",
    [[Answer(503), Answer(503)], [Answer(404), Answer(429)], [Answer(404, hangs_up=True)]],
    ids=["away", "busy", "hanging up"],
)
def test_content_arrives_once_the_server_is_well_again(sink: Sink, answers: list[Answer]) -> None:
    sink.blob_answers = answers

    recorded(sink, PNG, retry_initial_s=0.01)

    assert sink.blobs == {digest_of(PNG): PNG}


def test_a_server_without_blobs_is_told_of_once(
    sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.blob_answers = [Answer(404), Answer(405)] * 3
    spanloom.init(endpoint=sink.url)

    with caplog.at_level(logging.WARNING, "spanloom"):
        for number in range(3):
            show(numpy.full(2000, number))
        spanloom.flush()

    assert len([text for text in caplog.messages if "refuses large values" in text]) == 1
    assert len(sink.await_spans(3)) == 3


def test_a_dead_server_costs_the_end_no_more_than_its_time(dead_url: str) -> None:
    limits = {"exit_timeout_s": 0.5, "retry_initial_s": 0.01}
    spanloom.init(endpoint=dead_url, settings=limits)
    show(numpy.zeros(2000))

    started = time.monotonic()
    spanloom.finish()

    assert time.monotonic() - started < 2


def test_content_that_cannot_be_made_is_marked_as_dropped() -> None:
    def fail() -> Content:
        raise ValueError("no picture")

    outbox = Outbox(Settings())
    token = outbox.offer(fail, 1)["digest"]

    assert outbox.facts(token) == {"digest": None, "dropped": "ValueError: no picture"}
    assert outbox.flush(5)


def test_blobs_can_be_switched_off(sink: Sink) -> None:
    assert recorded(sink, numpy.zeros(2000), blobs=False) == {
        "type": "numpy.ndarray",
        "shape": [2000],
        "dtype": "float64",
    }
    assert sink.blobs == {}
