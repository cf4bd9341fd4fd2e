"""A request is laid out in rows: canonical fields first, everything else kept."""

from typing import Any

import pytest

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.rows import ENDED_VERSION_OFFSET, SpanRow
from tests.support.otlp import request, span


def _row(attrs: dict[str, Any] | None = None, **fields: Any) -> SpanRow:
    (row,) = rows_of(request(span(attrs=attrs, **fields)), "p", 100)
    return row


def test_scalars_go_to_the_map_of_their_type() -> None:
    row = _row({"s": "x", "i": 1, "f": 1.5, "b": False, "a": [], "n": None})

    assert (row.attr_str, row.attr_int, row.attr_float, row.attr_bool) == (
        {"s": "x"},
        {"i": 1},
        {"f": 1.5},
        {"b": False},
    )
    assert row.attr_other == {"a": b"5", "n": b"0"}


def test_the_last_of_equal_keys_wins_whatever_its_type() -> None:
    doubled = span()
    for value in (1, "x"):
        doubled.attributes.extend(span(attrs={"k": value}).attributes)

    (row,) = rows_of(request(doubled), "p", 1)
    assert (row.attr_str, row.attr_int) == ({"k": "x"}, {})


def test_a_payload_is_stored_once_with_the_key_it_came_from() -> None:
    row = _row({"input.value": '{"a": 1}', "gen_ai.output.messages": "[]", "other": "x"})

    assert (row.input, row.input_key) == ('{"a": 1}', "input.value")
    assert (row.output, row.output_key) == ("[]", "gen_ai.output.messages")
    assert row.attr_str == {"other": "x"}


def test_our_payload_goes_before_that_of_other_conventions() -> None:
    row = _row({"gen_ai.input.messages": "[]", "input.value": "{}"})

    assert (row.input_key, row.attr_str) == ("input.value", {"gen_ai.input.messages": "[]"})


@pytest.mark.parametrize("value", [12, 12.0, "12"], ids=repr)
def test_tokens_are_counts_however_they_are_spelled(value: object) -> None:
    assert _row({"llm.token_count.prompt": value}).input_tokens == 12


@pytest.mark.parametrize("value", [-1, "many", float("nan"), float("inf"), True])
def test_what_is_no_count_is_unknown(value: object) -> None:
    assert _row({"gen_ai.usage.input_tokens": value}).input_tokens is None


@pytest.mark.parametrize(
    ("attrs", "total"),
    [
        ({"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4}, 7),
        ({"gen_ai.usage.total_tokens": 9}, 9),
        ({"gen_ai.usage.input_tokens": 3}, 3),
        ({"gen_ai.usage.input_tokens": 3, "gen_ai.usage.total_tokens": 9}, 9),
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, 0),
        ({"gen_ai.usage.input_tokens": 0}, 0),
        ({}, None),
    ],
)
def test_the_total_is_the_sum_where_both_parts_are_known(
    attrs: dict[str, Any], total: int | None
) -> None:
    assert _row(attrs).total_tokens == total


@pytest.mark.parametrize(
    ("attrs", "kind"),
    [
        ({"spanloom.op.kind": "tool"}, "tool"),
        ({"spanloom.op.kind": "nonsense"}, "span"),
        ({"openinference.span.kind": "LLM"}, "llm"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.request.model": "m"}, "llm"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({}, "span"),
    ],
)
def test_the_kind_of_call_is_recognised(attrs: dict[str, Any], kind: str) -> None:
    assert _row(attrs).kind == kind


def test_the_model_that_answered_goes_before_the_one_asked_for() -> None:
    row = _row({"gen_ai.request.model": "m", "gen_ai.response.model": "m-2026"})

    assert (row.model, row.request_model) == ("m-2026", "m")


def test_a_finished_span_outranks_its_start_record() -> None:
    ended = _row(end_time_unix_nano=7)

    assert ended.version == 7 + ENDED_VERSION_OFFSET
    assert _row(end_time_unix_nano=0).version == 100


@pytest.mark.parametrize(
    ("resource", "project"),
    [
        ({"spanloom.project": "a/b", "service.name": "s"}, "a/b"),
        ({"service.name": "s"}, "s"),
        ({"service.name": "/a/b/c/"}, "a/b-c"),
        ({"service.name": "a\nb"}, "a-b"),
        ({"service.name": "//"}, "default"),
        ({"service.name": 5}, "default"),
        ({}, "default"),
    ],
)
def test_a_resource_names_the_project(resource: dict[str, Any], project: str) -> None:
    (row,) = rows_of(request(span(), resource=resource), None, 1)

    assert row.project == project


def test_a_named_project_goes_before_the_resource() -> None:
    (row,) = rows_of(request(span(), resource={"spanloom.project": "x"}), "named", 1)

    assert row.project == "named"
