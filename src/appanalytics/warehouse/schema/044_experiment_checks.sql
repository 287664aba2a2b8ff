-- Checks of an experiment, and the users of each arm against the plan (part 'arm': check is the variant).
CREATE TABLE IF NOT EXISTS experiment_checks
(
    experiment LowCardinality(String),
    version    LowCardinality(String),
    part       LowCardinality(String),
    check      LowCardinality(String),
    status     LowCardinality(String),
    found      String CODEC(ZSTD(1)),
    p_value    Nullable(Float64),
    users      UInt64,
    expected   Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY (experiment, version)
ORDER BY (part, check)
