-- Incidents: one row each, its newest `version` in force. `metric` and `slice` are the series that stands for it,
-- `members` all of its series (JSON, the most anomalous first: metric, slice, score, actual, expected, ticks).
-- `value` and `expected` are means over the anomalous bins. `kind` is `metric`, or `data` where events of the source
-- `metric` are missing. `end` is the end of the last anomalous bin, `fired` null while the incident is not certain.
CREATE TABLE IF NOT EXISTS incidents
(
    id        String,
    kind      LowCardinality(String),
    state     LowCardinality(String),
    severity  LowCardinality(String),
    direction LowCardinality(String),
    metric    LowCardinality(String),
    slice     String,
    start     DateTime64(0, 'UTC'),
    end       DateTime64(0, 'UTC'),
    fired     Nullable(DateTime64(0, 'UTC')),
    changed   DateTime64(0, 'UTC'),
    value     Float64,
    expected  Float64,
    score     Float64,
    members   String CODEC(ZSTD(1)),
    note      String,
    version   UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
