-- Decisions on experiments, never changed: what was decided, by which step of the rule, on which numbers.
CREATE TABLE IF NOT EXISTS decisions
(
    experiment      LowCardinality(String),
    variant         LowCardinality(String),
    decision        LowCardinality(String),
    step            LowCardinality(String),
    details         String CODEC(ZSTD(1)),
    metric          LowCardinality(String),
    method          LowCardinality(String),
    control         Nullable(Float64),
    treatment       Nullable(Float64),
    effect          Nullable(Float64),
    low             Nullable(Float64),
    high            Nullable(Float64),
    p_value         Nullable(Float64),
    log10_p         Nullable(Float64),
    per_day         Nullable(Float64),
    risks           Array(String),
    page            String CODEC(ZSTD(3)),
    definition_hash FixedString(16),
    catalog_hash    FixedString(16),
    written         DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (experiment, written)
