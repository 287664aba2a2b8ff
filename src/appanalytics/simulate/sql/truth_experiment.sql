-- Users of the polarised group who had arrived by the experiment's end, by the direction they were moved in.
SELECT countIf(polarity > 0) AS users_up, countIf(polarity < 0) AS users_down
FROM simulation_users
WHERE exp_group = {group:Int8} AND arrival <= {last_day:UInt32}
