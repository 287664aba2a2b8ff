-- Watched series with what was expected: one row for each series and bin of `minutes`. `value`, `expected` and `spread`
-- (one standard deviation) are counts, or shares for ratios, null where events are missing; `score` is 1 at the
-- threshold, signed. A bin that is judged again replaces its row.
CREATE TABLE IF NOT EXISTS anomaly_points
(
    metric    LowCardinality(String),
    dimension LowCardinality(String),
    slice     LowCardinality(String),
    time      DateTime64(0, 'UTC') CODEC(Delta, ZSTD(1)),
    minutes   UInt16,
    value     Nullable(Float64) CODEC(ZSTD(1)),
    expected  Float64 CODEC(ZSTD(1)),
    spread    Float64 CODEC(ZSTD(1)),
    score     Float32 CODEC(ZSTD(1)),
    alarm     Bool
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (metric, dimension, slice, time)
