-- Results for dashboards: one row for each experiment, metric, method, variant, and value of a dimension ('' = all
-- users) or day (running totals from the start; the last day otherwise). `version` names definition and catalog:
-- analysing again replaces the rows of its version and leaves those of others.
CREATE TABLE IF NOT EXISTS experiment_results
(
    experiment      LowCardinality(String),
    version         LowCardinality(String),
    part            LowCardinality(String),
    metric          LowCardinality(String),
    role            LowCardinality(String),
    unit            LowCardinality(String),
    method          LowCardinality(String),
    main            UInt8,
    variant         LowCardinality(String),
    dimension       LowCardinality(String),
    value           LowCardinality(String),
    day             Date,
    users_control   UInt64,
    users_treatment UInt64,
    control         Nullable(Float64),
    treatment       Nullable(Float64),
    effect          Nullable(Float64),
    low             Nullable(Float64),
    high            Nullable(Float64),
    statistic       Nullable(Float64),
    p_value         Nullable(Float64),
    log10_p         Nullable(Float64),
    adjusted_p      Nullable(Float64),
    margin          Nullable(Float64),
    verdict         LowCardinality(String),
    analysed        DateTime64(6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY (experiment, version)
ORDER BY (part, metric, variant, method, dimension, value, day)
