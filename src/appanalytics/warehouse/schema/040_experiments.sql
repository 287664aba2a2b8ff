-- The ledger of experiments: one row for each change of state, with the definition and the catalog's definitions of
-- its metrics as they were. Only appended to; the newest row of a name is in force.
CREATE TABLE IF NOT EXISTS experiments
(
    name            LowCardinality(String),
    state           LowCardinality(String),
    definition      String CODEC(ZSTD(1)),
    definition_hash FixedString(16),
    catalog_hash    FixedString(16),
    since           Date,
    until           Date,
    written         DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (name, written)
