-- Distributions for dashboards: share of an arm's users whose value of a metric lies in [low, high). The last bin
-- holds everybody above.
CREATE TABLE IF NOT EXISTS experiment_distributions
(
    experiment LowCardinality(String),
    version    LowCardinality(String),
    metric     LowCardinality(String),
    variant    LowCardinality(String),
    low        Float64,
    high       Float64,
    users      UInt64,
    share      Float64
)
ENGINE = MergeTree
PARTITION BY (experiment, version)
ORDER BY (metric, variant, low)
