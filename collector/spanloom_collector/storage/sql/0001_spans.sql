-- One row a span. A resent or later-ended span replaces its earlier row: the highest version wins
-- (while it runs, the time of receipt; once it has ended, its end plus 2^62). Attributes are kept by
-- type; what no scalar map can hold stands in *_other: a digit (the field number of OTLP's
-- AnyValue), then text for scalars or the protobuf bytes of arrays, key-value lists and bytes.
CREATE TABLE IF NOT EXISTS spans ${ON_CLUSTER}
(
    project                  LowCardinality(String),
    trace_id                 String CODEC(ZSTD(1)),
    span_id                  String CODEC(ZSTD(1)),
    parent_span_id           String CODEC(ZSTD(1)),
    trace_state              String CODEC(ZSTD(1)),
    flags                    UInt32 CODEC(ZSTD(1)),
    name                     LowCardinality(String),
    span_kind                UInt8 CODEC(ZSTD(1)),
    start_time               DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    end_time                 DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    status_code              UInt8 CODEC(ZSTD(1)),
    status_message           String CODEC(ZSTD(1)),
    received_time            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    version                  UInt64 CODEC(Delta(8), ZSTD(1)),
    is_deleted               UInt8 DEFAULT 0 CODEC(ZSTD(1)),

    kind                     LowCardinality(String),
    service_name             LowCardinality(String),
    environment              LowCardinality(String),
    session_id               String CODEC(ZSTD(1)),
    user_id                  String CODEC(ZSTD(1)),
    provider                 LowCardinality(String),
    model                    LowCardinality(String),
    request_model            LowCardinality(String),
    input_tokens             Nullable(UInt64) CODEC(ZSTD(1)),
    output_tokens            Nullable(UInt64) CODEC(ZSTD(1)),
    total_tokens             Nullable(UInt64) CODEC(ZSTD(1)),
    evaluation_id            String CODEC(ZSTD(1)),
    example_digest           String CODEC(ZSTD(1)),

    -- The payload is the attribute's exact text, moved out of attr_str; the key says from where.
    input                    String CODEC(ZSTD(1)),
    input_key                LowCardinality(String),
    output                   String CODEC(ZSTD(1)),
    output_key               LowCardinality(String),

    attr_str                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attr_int                 Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    attr_float               Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    attr_bool                Map(LowCardinality(String), Bool) CODEC(ZSTD(1)),
    attr_other               Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped_attributes_count UInt32 CODEC(ZSTD(1)),

    event_time_unix_nano     Array(UInt64) CODEC(ZSTD(1)),
    event_name               Array(LowCardinality(String)) CODEC(ZSTD(1)),
    event_attr_str           Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    event_attr_other         Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    event_dropped            Array(UInt32) CODEC(ZSTD(1)),
    dropped_events_count     UInt32 CODEC(ZSTD(1)),

    link_trace_id            Array(String) CODEC(ZSTD(1)),
    link_span_id             Array(String) CODEC(ZSTD(1)),
    link_trace_state         Array(String) CODEC(ZSTD(1)),
    link_flags               Array(UInt32) CODEC(ZSTD(1)),
    link_attr_str            Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    link_attr_other          Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    link_dropped             Array(UInt32) CODEC(ZSTD(1)),
    dropped_links_count      UInt32 CODEC(ZSTD(1)),

    scope_name               LowCardinality(String),
    scope_version            LowCardinality(String),
    scope_attr_str           Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attr_other         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_dropped            UInt32 CODEC(ZSTD(1)),
    scope_schema_url         LowCardinality(String),

    resource_attr_str        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attr_other      Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_dropped         UInt32 CODEC(ZSTD(1)),
    resource_schema_url      LowCardinality(String),

    INDEX by_trace      trace_id            TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_session    session_id          TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user       user_id             TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_evaluation evaluation_id       TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_kind       kind                TYPE set(32) GRANULARITY 4,
    INDEX by_attr_key   mapKeys(attr_str)   TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_attr_value mapValues(attr_str) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${ENGINE:ReplacingMergeTree}(version, is_deleted)
PARTITION BY toYYYYMM(start_time)
PRIMARY KEY (project, toStartOfHour(start_time), trace_id)
ORDER BY (project, toStartOfHour(start_time), trace_id, span_id)
SETTINGS ${DURABLE};
