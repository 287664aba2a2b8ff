-- Chunks whose events are in: rows read, what became of them, and why rows were refused.
CREATE TABLE IF NOT EXISTS load_chunks
(
    load       String,
    chunk      UInt32,
    rows       UInt64,
    loaded     UInt64,
    skipped    UInt64,
    first_time Nullable(DateTime64(3, 'UTC')),
    last_time  Nullable(DateTime64(3, 'UTC')),
    reasons    Map(String, UInt64),
    written    DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(written)
ORDER BY (load, chunk)
