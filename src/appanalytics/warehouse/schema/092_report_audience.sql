-- Audience for dashboards and schedulers: each processed day has the split of the day, and that of the week and month
-- that end with it, for all users (dimension '') and by each small dimension. A day is a partition: making it again
-- replaces it. active = new + retained + returning; active - before = new + returning - gone.
CREATE TABLE IF NOT EXISTS report_audience
(
    event_date      Date CODEC(ZSTD(1)),
    grain           LowCardinality(String) CODEC(ZSTD(1)),
    period_start    Date CODEC(ZSTD(1)),
    dimension       LowCardinality(String) CODEC(ZSTD(1)),
    dimension_value LowCardinality(String) CODEC(ZSTD(1)),
    active          UInt64 CODEC(ZSTD(1)),
    new             UInt64 CODEC(ZSTD(1)),
    retained        UInt64 CODEC(ZSTD(1)),
    returning       UInt64 CODEC(ZSTD(1)),
    gone            UInt64 CODEC(ZSTD(1)),
    before          UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY event_date
ORDER BY (event_date, grain, dimension, dimension_value)
