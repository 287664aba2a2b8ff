-- One row for each day with all that its events depend on (see `DayPlan`). Scratch table, made anew by each run.
-- `start` is the day's first second (Unix time), `seconds` its length; `arrivals` and `other_arrivals` are
-- cumulative shares of the newcomers (the others are of those who find their day's city silent).
CREATE OR REPLACE TABLE simulation_days
(
    number         UInt32,
    start          Int64,
    seconds        UInt32,
    arrivals       Float64,
    other_arrivals Float64,
    return_factor  Float64,
    write_chance   Float64,
    views_scale    Float64,
    messages_scale Float64,
    ctr            Float64,
    first_post     UInt64,
    posts          UInt32,
    post_life      Float64,
    is_outage      UInt8,
    is_experiment  UInt8
)
ENGINE = Memory
