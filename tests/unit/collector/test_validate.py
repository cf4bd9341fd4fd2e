"""Invalid spans are rejected one by one, with a reason; the others stay."""

from typing import Any

import pytest

from spanloom_collector.pipeline.validate import validated
from tests.support.otlp import request, span


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"\x01" * 15}, "trace_id"),
        ({"trace_id": bytes(16)}, "trace_id"),
        ({"span_id": b"\x01" * 9}, "span_id"),
        ({"span_id": bytes(8)}, "span_id"),
        ({"parent_span_id": b"\x01"}, "parent_span_id"),
        ({"trace_id": b"", "span_id": b""}, "logs"),
        ({"start_time_unix_nano": 2**63}, "2262"),
        ({"end_time_unix_nano": 2**64 - 1}, "2262"),
        ({"kind": 9}, "SpanKind"),
        ({"status": {"code": 7}}, "StatusCode"),
    ],
)
def test_an_invalid_span_is_rejected_and_its_neighbours_stay(
    fields: dict[str, Any], reason: str
) -> None:
    good = span("good")
    result = validated(request(good, span("bad", **fields), good))

    kept = result.request.resource_spans[0].scope_spans[0].spans
    assert [item.name for item in kept] == ["good", "good"]
    assert result.response.partial_success.rejected_spans == 1
    assert reason in result.response.partial_success.error_message


def test_a_valid_request_is_a_full_success() -> None:
    assert not validated(request(span())).response.HasField("partial_success")


def test_reasons_are_counted() -> None:
    result = validated(request(*[span(span_id=b"x")] * 3, span(kind=9)))

    message = result.response.partial_success.error_message
    assert message.startswith("spans rejected: 3 × span_id")
    assert "1 × kind" in message
