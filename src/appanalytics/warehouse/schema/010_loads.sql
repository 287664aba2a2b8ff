-- Files that were loaded, or whose loading began: one row when it begins, one more when it is done. `load` is the
-- hash of content, mapping and source, so a file is known again under another name, gzipped or not. A load that
-- was interrupted goes on with the `chunk_size` that it began with, because a chunk's number is its identity.
CREATE TABLE IF NOT EXISTS loads
(
    load       String,
    content    String,
    source     LowCardinality(String),
    file       String,
    mapping    String CODEC(ZSTD(1)),
    chunk_size UInt64,
    done       Bool,
    written    DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (load, written)
SETTINGS non_replicated_deduplication_window = 1000
