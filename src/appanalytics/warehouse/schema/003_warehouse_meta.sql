-- What the warehouse knows of itself: reporting time zone, catalog of the rollups, the simulated world.
CREATE TABLE IF NOT EXISTS warehouse_meta
(
    key     String,
    value   String,
    written DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(written)
ORDER BY key
