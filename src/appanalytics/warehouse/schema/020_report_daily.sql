-- The report table: one row for each day, dimension and value of it. A day is a partition, so that building it
-- again replaces it whole. Each dimension's rows add up to all of the day's events; unknown is 'unknown'.
CREATE TABLE IF NOT EXISTS report_daily
(
    event_date        Date CODEC(ZSTD(1)),
    dimension         LowCardinality(String) CODEC(ZSTD(1)),
    dimension_value   LowCardinality(String) CODEC(ZSTD(1)),
    views             UInt64 CODEC(ZSTD(1)),
    likes             UInt64 CODEC(ZSTD(1)),
    messages_sent     UInt64 CODEC(ZSTD(1)),
    users_sent        UInt64 CODEC(ZSTD(1)),
    messages_received UInt64 CODEC(ZSTD(1)),
    users_received    UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY event_date
ORDER BY (event_date, dimension, dimension_value)
