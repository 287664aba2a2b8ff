-- Chance of a user who has not left to come on the `age`-th day (from 1) after his first. Scratch table.
-- `kind`: 0 ads, 1 organic, 2 the campaign's.
CREATE OR REPLACE TABLE simulation_returns
(
    kind   UInt8,
    age    UInt32,
    chance Float64
)
ENGINE = Memory
