-- Users of the polarised group who came to the feed during the experiment, by the direction they were moved in.
SELECT
    uniqExactIf(user_id, polarity > 0) AS users_up,
    uniqExactIf(user_id, polarity < 0) AS users_down
FROM simulation_visits
INNER JOIN simulation_users USING (user_id)
WHERE exp_group = {group:Int8} AND number BETWEEN {first:UInt32} AND {last:UInt32} AND reads
