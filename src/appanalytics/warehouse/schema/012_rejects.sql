-- Rows of files that could not be loaded: where they are, why, and what they say (at most 4,096 bytes of it).
-- `line` is the line of the file on which the row starts (the header is line 1); for Parquet the row's number.
CREATE TABLE IF NOT EXISTS rejects
(
    load    String,
    source  LowCardinality(String),
    file    String CODEC(ZSTD(1)),
    line    UInt64 CODEC(Delta, ZSTD(1)),
    reason  LowCardinality(String),
    raw     String CODEC(ZSTD(1)),
    written DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (load, line)
SETTINGS non_replicated_deduplication_window = 10000
