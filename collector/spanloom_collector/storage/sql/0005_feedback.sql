-- What people and programs say about a span. The kind says which columns are filled: a reaction has
-- an emoji as its text, a note its text; a score has a name and a value, a label or both. A truth is
-- a value of 0 or 1 that is marked as such. The highest version wins; a deleted one is marked.
CREATE TABLE IF NOT EXISTS feedback ${ON_CLUSTER}
(
    project      LowCardinality(String),
    trace_id     String CODEC(ZSTD(1)),
    span_id      String CODEC(ZSTD(1)),
    feedback_id  String CODEC(ZSTD(1)),
    kind         LowCardinality(String),
    text         String CODEC(ZSTD(1)),
    name         LowCardinality(String),
    value        Nullable(Float64) CODEC(ZSTD(1)),
    is_truth     Bool CODEC(ZSTD(1)),
    label        String CODEC(ZSTD(1)),
    explanation  String CODEC(ZSTD(1)),
    creator      String CODEC(ZSTD(1)),
    created_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1)),
    is_deleted   UInt8 DEFAULT 0 CODEC(ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}(version, is_deleted)
ORDER BY (project, trace_id, span_id, feedback_id)
SETTINGS ${DURABLE};
-- Names that people gave to spans. They stand beside the spans, so that no record of a span that
-- comes later can undo one. An empty name is none.
CREATE TABLE IF NOT EXISTS display_names ${ON_CLUSTER}
(
    project      LowCardinality(String),
    trace_id     String CODEC(ZSTD(1)),
    span_id      String CODEC(ZSTD(1)),
    display_name String CODEC(ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}(version)
ORDER BY (project, trace_id, span_id)
SETTINGS ${DURABLE};
