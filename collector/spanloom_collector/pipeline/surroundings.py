"""What the spans or log records of one resource and scope share, as columns of their tables."""

from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from spanloom_collector.storage.attributes import CompactAttributes, compact


class Surroundings(NamedTuple):
    """The project, the time of receipt, and the columns that are the same in every row."""

    project: str
    received_unix_nano: int
    columns: dict[str, Any]


def scope_columns(scope: InstrumentationScope, schema_url: str) -> dict[str, Any]:
    """The columns that tell of a scope."""
    attributes = compact(scope.attributes)
    return {
        "scope_name": scope.name,
        "scope_version": scope.version,
        "scope_attr_str": attributes.strings,
        "scope_attr_other": attributes.other,
        "scope_dropped": scope.dropped_attributes_count,
        "scope_schema_url": schema_url,
    }


def resource_columns(
    attributes: CompactAttributes, dropped_count: int, schema_url: str
) -> dict[str, Any]:
    """The columns that tell of a resource."""
    return {
        "resource_attr_str": attributes.strings,
        "resource_attr_other": attributes.other,
        "resource_dropped": dropped_count,
        "resource_schema_url": schema_url,
    }
