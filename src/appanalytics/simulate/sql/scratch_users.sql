-- Every user of the world with everything about him that does not change. Scratch table, made anew by each run.
-- `arrival` is his first day in the feed, `arrival_rank` his place in the order of arrival; `leaves` the number
-- of days after which he is gone for good; `pace` and `taste` multiply his views and his chance to like (means
-- of 1); `friend_rank` numbers the messenger's users by arrival (0: not one of them).
CREATE OR REPLACE TABLE simulation_users
(
    user_id      UInt64,
    arrival      UInt32,
    arrival_rank UInt64,
    kind         UInt8,
    gender       Int8,
    age          UInt8,
    country      LowCardinality(String),
    city         LowCardinality(String),
    os           LowCardinality(String),
    source       LowCardinality(String),
    exp_group    Int8,
    leaves       Float64,
    pace         Float64,
    taste        Float64,
    polarity     Int8,
    friend_rank  UInt64
)
ENGINE = Memory
