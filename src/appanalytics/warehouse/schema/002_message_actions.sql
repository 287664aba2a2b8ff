-- Events of the messenger: one row for each message; the attributes are the sender's.
CREATE TABLE IF NOT EXISTS message_actions
(
    time        DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    user_id     UInt64 CODEC(Delta, ZSTD(1)),
    receiver_id UInt64 CODEC(ZSTD(1)),
    gender      Int8 DEFAULT -1 CODEC(ZSTD(1)),
    age         UInt8 DEFAULT 0 CODEC(ZSTD(1)),
    country     LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    city        LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    os          LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    source      LowCardinality(String) DEFAULT 'unknown' CODEC(ZSTD(1)),
    exp_group   Int8 DEFAULT -1 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (toStartOfHour(time), user_id, time)
SETTINGS non_replicated_deduplication_window = 10000
