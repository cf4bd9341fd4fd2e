"""What a journal segment holds, as ClickHouse is told: messages of protobuf, and columns of them.

A segment is a sequence of length-prefixed messages: OTLP's ``ExportTraceServiceRequest`` with a few
more fields of ours, see :mod:`spanloom_collector.delivery.records`. ``AnyValue`` is recursive, which
no ClickHouse type can be. So arrays and lists are declared as bytes: on the wire a message and bytes
look the same, and those bytes are what the table keeps.
"""

PROTO = """
syntax = "proto3";
message AnyValue { oneof value {
  string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  bytes array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7;
} }
message KeyValue { string key = 1; AnyValue value = 2; }
message Scope {
  string name = 1; string version = 2; repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4;
}
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message Event {
  fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4;
}
message Link {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
  uint32 dropped_attributes_count = 5; fixed32 flags = 6;
}
message Status { string message = 2; uint32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  fixed32 flags = 16; string name = 5; uint32 kind = 6; fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10; repeated Event events = 11; uint32 dropped_events_count = 12;
  repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
}
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message ResourceSpans {
  Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3;
}
message Record {
  repeated ResourceSpans resource_spans = 1;
  fixed64 received_unix_nano = 2001; string project = 2002; fixed32 crc = 2003;
}
"""
"""The messages, in protobuf's language."""

MESSAGE = "Record"
"""Which of them a record is."""

_VALUE = (
    "Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, "
    "'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), "
    "string_value String, bool_value Bool, int_value Int64, double_value Float64, "
    "array_value String, kvlist_value String, bytes_value String)"
)
_ATTRIBUTES = f"Array(Tuple(key String, value {_VALUE}))"
_EVENTS = (
    f"Array(Tuple(time_unix_nano UInt64, name String, attributes {_ATTRIBUTES}, "
    "dropped_attributes_count UInt32))"
)
_LINKS = (
    f"Array(Tuple(trace_id String, span_id String, trace_state String, attributes {_ATTRIBUTES}, "
    "dropped_attributes_count UInt32, flags UInt32))"
)
_SPAN = (
    "Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, "
    "flags UInt32, name String, kind UInt32, start_time_unix_nano UInt64, "
    f"end_time_unix_nano UInt64, attributes {_ATTRIBUTES}, dropped_attributes_count UInt32, "
    f"events {_EVENTS}, dropped_events_count UInt32, links {_LINKS}, dropped_links_count UInt32, "
    "status Tuple(message String, code UInt32))"
)
_SCOPE_SPANS = (
    f"Tuple(scope Tuple(name String, version String, attributes {_ATTRIBUTES}, "
    f"dropped_attributes_count UInt32), spans Array({_SPAN}), schema_url String)"
)
STRUCTURE = (
    f"resource_spans Array(Tuple(resource Tuple(attributes {_ATTRIBUTES}, "
    f"dropped_attributes_count UInt32), scope_spans Array({_SCOPE_SPANS}), schema_url String)), "
    "received_unix_nano UInt64, project String"
)
"""The columns that a record has to ClickHouse."""
