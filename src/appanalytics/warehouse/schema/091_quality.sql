-- What the quality checks of each day found. A day is a partition: checking it again replaces what was found.
CREATE TABLE IF NOT EXISTS quality
(
    day        Date CODEC(ZSTD(1)),
    position   UInt16 CODEC(ZSTD(1)),
    name       LowCardinality(String) CODEC(ZSTD(1)),
    status     LowCardinality(String) CODEC(ZSTD(1)),
    compared   String CODEC(ZSTD(1)),
    found      String CODEC(ZSTD(1)),
    expected   String CODEC(ZSTD(1)),
    about_day  Nullable(Date) CODEC(ZSTD(1)),
    slice      String CODEC(ZSTD(1)),
    hint       String CODEC(ZSTD(1)),
    checked_at DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (day, position)
