-- Events of the news feed. Sorted by hour and user: one visit's rows lie together, so the user's attributes
-- compress to almost nothing and a day's aggregation by user reads neighbours; the hour still prunes by time.
-- Unknown: gender -1, age 0, exp_group -1, text 'unknown'.
CREATE TABLE IF NOT EXISTS feed_actions
(
    time      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    user_id   UInt64 CODEC(Delta, ZSTD(1)),
    post_id   UInt64 CODEC(ZSTD(1)),
    action    LowCardinality(String) CODEC(ZSTD(1)),
    gender    Int8 DEFAULT -1 CODEC(ZSTD(1)),
    age       UInt8 DEFAULT 0 CODEC(ZSTD(1)),
    country   LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    city      LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    os        LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    source    LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    exp_group Int8 DEFAULT -1 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (toStartOfHour(time), user_id, time)
SETTINGS non_replicated_deduplication_window = 10000
