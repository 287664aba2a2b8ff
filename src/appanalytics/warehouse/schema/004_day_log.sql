-- Which days changed and which were rolled up, append-only. A day is fresh while its newest `changed` mark is
-- not newer than the newest mark (`seen`) that a roll-up had seen when it began; a mark written while a roll-up
-- runs therefore keeps the day stale. `source` is the name of the catalog's source.
CREATE TABLE IF NOT EXISTS day_log
(
    day    Date,
    kind   Enum8('changed' = 1, 'rolled' = 2),
    mark   UInt64 CODEC(Delta, ZSTD(1)),
    events Map(LowCardinality(String), UInt64)
)
ENGINE = MergeTree
ORDER BY (day, kind, mark)
SETTINGS non_replicated_deduplication_window = 10000
