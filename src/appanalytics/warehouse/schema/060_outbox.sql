-- Messages that were written to be sent; what became of them is in outbox_log. `key` names a message for good: report
-- or incident, day or step, chat. Messages of one chat are sent in the order of `number` (nanoseconds). `thread` joins
-- the messages of one incident; an `edit` changes the thread's first message, a `reply` answers it. `caption` stands
-- under the picture (PNG, empty: none), `html` where there is no picture or it is refused.
CREATE TABLE IF NOT EXISTS outbox
(
    key     String,
    chat    LowCardinality(String),
    number  UInt64 CODEC(Delta, ZSTD(1)),
    kind    Enum8('send' = 1, 'edit' = 2, 'reply' = 3),
    thread  String,
    html    String CODEC(ZSTD(1)),
    caption String CODEC(ZSTD(1)),
    picture String CODEC(ZSTD(1)),
    written DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (chat, number, key)
SETTINGS non_replicated_deduplication_window = 10000
