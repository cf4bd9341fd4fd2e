-- One row a log record that belongs to a span, whether the span is there yet or not. A record that is
-- sent again has the same time and digest, so it replaces itself. Values are kept as in spans;
-- the body is one tagged value, empty when there was none.
CREATE TABLE IF NOT EXISTS span_logs ${ON_CLUSTER}
(
    project                  LowCardinality(String),
    trace_id                 String CODEC(ZSTD(1)),
    span_id                  String CODEC(ZSTD(1)),
    -- When it happened, or when it was observed if that is all that is known.
    time                     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    digest                   String CODEC(ZSTD(1)),
    received_time            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Its place in its request: the order of records of the same time.
    position                 UInt32 CODEC(ZSTD(1)),

    time_unix_nano           UInt64 CODEC(ZSTD(1)),
    observed_time_unix_nano  UInt64 CODEC(ZSTD(1)),
    severity_number          Int32 CODEC(ZSTD(1)),
    severity_text            LowCardinality(String),
    event_name               LowCardinality(String),
    body                     String CODEC(ZSTD(1)),
    flags                    UInt32 CODEC(ZSTD(1)),
    attr_str                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attr_other               Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dropped_attributes_count UInt32 CODEC(ZSTD(1)),

    scope_name               LowCardinality(String),
    scope_version            LowCardinality(String),
    scope_attr_str           Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attr_other         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_dropped            UInt32 CODEC(ZSTD(1)),
    scope_schema_url         LowCardinality(String),

    resource_attr_str        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attr_other      Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_dropped         UInt32 CODEC(ZSTD(1)),
    resource_schema_url      LowCardinality(String)
)
ENGINE = ${ENGINE:ReplacingMergeTree}(received_time)
PARTITION BY toYYYYMM(time)
ORDER BY (project, trace_id, span_id, time, digest)
SETTINGS ${DURABLE};
