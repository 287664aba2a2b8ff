-- The posts that the feed shows in an hour of a day, each repeated by its weight. Scratch table.
CREATE OR REPLACE TABLE simulation_shelves
(
    day   UInt32,
    hour  UInt8,
    posts Array(UInt64)
)
ENGINE = Memory
