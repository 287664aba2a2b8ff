-- Cities with cumulative shares of all users and of the campaign's. Scratch table, made anew by each run.
CREATE OR REPLACE TABLE simulation_places
(
    number        UInt32,
    country       String,
    city          String,
    upto          Float64,
    campaign_upto Float64
)
ENGINE = Memory
