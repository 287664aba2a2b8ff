-- Who comes when: a row for each user and day with the feed, the messenger, or both. Scratch table.
-- `silenced`: he would have come, but the outage kept him away.
CREATE OR REPLACE TABLE simulation_visits
(
    number   UInt32,
    user_id  UInt64,
    reads    UInt8,
    writes   UInt8,
    silenced UInt8
)
ENGINE = Memory
