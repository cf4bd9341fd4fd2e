"""Log records that belong to no span are rejected one by one, with a reason; the others stay."""

from typing import Any

import pytest

from spanloom_collector.pipeline.validate_logs import validated_logs
from tests.support.otlp import log_record, logs_request, span


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "only records with a trace id and a span id are kept"),
        ({"span_id": b""}, "only records with a trace id and a span id are kept"),
        ({"trace_id": bytes(16), "span_id": bytes(8)}, "without ids"),
        ({"trace_id": b"\x01" * 15}, "trace_id"),
        ({"span_id": b"\x01" * 9}, "span_id"),
        ({"time_unix_nano": 2**63}, "2262"),
        ({"observed_time_unix_nano": 2**64 - 1}, "2262"),
    ],
)
def test_a_record_of_no_span_is_rejected_and_its_neighbours_stay(
    fields: dict[str, Any], reason: str
) -> None:
    good = log_record(span(), "good")
    result = validated_logs(logs_request(good, log_record(span(), "bad", **fields), good))

    kept = result.request.resource_logs[0].scope_logs[0].log_records
    assert [record.event_name for record in kept] == ["good", "good"]
    assert result.response.partial_success.rejected_log_records == 1
    assert reason in result.response.partial_success.error_message


def test_a_valid_request_is_a_full_success() -> None:
    result = validated_logs(logs_request(log_record(span())))

    assert not result.response.HasField("partial_success")
