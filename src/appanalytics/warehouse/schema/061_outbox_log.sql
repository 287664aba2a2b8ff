-- What became of each message, append-only, in the order of `mark` (nanoseconds). `trying` is written before each
-- call of a channel and `sent`, `refused` (certainly not delivered) or `unknown` (it may have been) after it; `trying`
-- with nothing after it is a process that died. `dead` is given up, `dropped` not needed any more, `revived` a dead
-- message that somebody wants tried again. `excused`: the failure was not the message's (rate limit, no network) and does
-- not count among its attempts. `receipt` is the channel's (JSON), `retry_at` seconds since 1970.
CREATE TABLE IF NOT EXISTS outbox_log
(
    key      String,
    chat     LowCardinality(String),
    thread   String,
    mark     UInt64 CODEC(Delta, ZSTD(1)),
    state    Enum8('trying' = 1, 'refused' = 2, 'unknown' = 3, 'sent' = 4, 'dead' = 5, 'dropped' = 6, 'revived' = 7),
    excused  Bool,
    retry_at Float64 CODEC(ZSTD(1)),
    error    String CODEC(ZSTD(1)),
    receipt  String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (key, mark)
SETTINGS non_replicated_deduplication_window = 10000
