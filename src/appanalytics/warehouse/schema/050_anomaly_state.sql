-- What the detectors know after the bin that begins at `tick`: the newest `version` of a `watch` (fingerprint of the
-- configuration) is in force. One insert of a row ends a run; what an unfinished run did is done again.
CREATE TABLE IF NOT EXISTS anomaly_state
(
    watch   String,
    version UInt64,
    tick    DateTime64(0, 'UTC'),
    state   String CODEC(ZSTD(1)),
    written DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY watch
