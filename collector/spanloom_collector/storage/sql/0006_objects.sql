-- Objects: one row a version, known by the digest of its content. Its number is given once and for
-- all, in the order of first publication; a deleted version keeps its row, without its content, so
-- that no other version ever gets its number. The highest revision of a row wins.
CREATE TABLE IF NOT EXISTS object_versions ${ON_CLUSTER}
(
    project           LowCardinality(String),
    name              String CODEC(ZSTD(1)),
    digest            String CODEC(ZSTD(1)),
    number            UInt32 CODEC(ZSTD(1)),
    kind              LowCardinality(String),
    class_name        LowCardinality(String),
    description       String CODEC(ZSTD(1)),
    value             String CODEC(ZSTD(1)),
    chunk_digests     Array(String) CODEC(ZSTD(1)),
    chunk_row_counts  Array(UInt32) CODEC(ZSTD(1)),
    published_time    DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    revision          UInt64 CODEC(ZSTD(1)),
    is_deleted        Bool CODEC(ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}(revision)
ORDER BY (project, name, digest)
SETTINGS ${DURABLE};

-- A name of one version; the last one that was set counts.
CREATE TABLE IF NOT EXISTS object_aliases ${ON_CLUSTER}
(
    project     LowCardinality(String),
    name        String CODEC(ZSTD(1)),
    alias       String CODEC(ZSTD(1)),
    digest      String CODEC(ZSTD(1)),
    revision    UInt64 CODEC(ZSTD(1)),
    is_deleted  UInt8 CODEC(ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}(revision, is_deleted)
ORDER BY (project, name, alias)
SETTINGS ${DURABLE};

CREATE TABLE IF NOT EXISTS object_tags ${ON_CLUSTER}
(
    project     LowCardinality(String),
    name        String CODEC(ZSTD(1)),
    digest      String CODEC(ZSTD(1)),
    tag         String CODEC(ZSTD(1)),
    revision    UInt64 CODEC(ZSTD(1)),
    is_deleted  UInt8 CODEC(ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}(revision, is_deleted)
ORDER BY (project, name, digest, tag)
SETTINGS ${DURABLE};

-- Rows of datasets. A dataset is a list of chunks, each known by the digest of its rows' digests: so
-- it comes in requests of bounded size, a longer version shares the chunks that it has in common,
-- and neighbouring rows are read together.
CREATE TABLE IF NOT EXISTS dataset_rows ${ON_CLUSTER}
(
    project   LowCardinality(String),
    chunk     String CODEC(ZSTD(1)),
    position  UInt32 CODEC(Delta(4), ZSTD(1)),
    digest    String CODEC(ZSTD(1)),
    value     String CODEC(ZSTD(1))
)
ENGINE = ${ENGINE:ReplacingMergeTree}
ORDER BY (project, chunk, position)
SETTINGS ${DURABLE};
