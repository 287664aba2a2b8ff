-- Batches that the collector has stored, so that one that is sent again is answered and not stored again.
-- `batch` is the app's name, a slash and the client's id.
CREATE TABLE IF NOT EXISTS collector_batches
(
    batch    String CODEC(ZSTD(1)),
    accepted UInt32 CODEC(ZSTD(1)),
    rejected UInt32 CODEC(ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (received, batch)
TTL toDateTime(received) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000
