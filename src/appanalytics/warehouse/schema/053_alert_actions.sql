-- What people and the messenger did about incidents; only appended to. `mute` silences an incident, or a metric or
-- slice (empty: all), until a time; `unmute` ends it; `ack` says that somebody is on it; `told` that the incident's
-- `version` was written into messages.
CREATE TABLE IF NOT EXISTS alert_actions
(
    kind     Enum8('mute' = 1, 'unmute' = 2, 'ack' = 3, 'told' = 4),
    incident String,
    metric   LowCardinality(String),
    slice    String,
    until    Nullable(DateTime64(0, 'UTC')),
    version  UInt64,
    text     String,
    written  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (incident, written)
SETTINGS non_replicated_deduplication_window = 10000
