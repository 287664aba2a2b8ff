-- Retention for dashboards and schedulers: how many users of each earlier cohort (size) came on the processed day
-- (users), for all users (dimension '') and by each small dimension. offset is the days since the cohort's first day.
-- A day is a partition: making it again replaces it.
CREATE TABLE IF NOT EXISTS report_retention
(
    event_date      Date CODEC(ZSTD(1)),
    dimension       LowCardinality(String) CODEC(ZSTD(1)),
    dimension_value LowCardinality(String) CODEC(ZSTD(1)),
    cohort          Date CODEC(ZSTD(1)),
    offset          UInt16 CODEC(ZSTD(1)),
    size            UInt64 CODEC(ZSTD(1)),
    users           UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY event_date
ORDER BY (event_date, dimension, dimension_value, cohort)
