-- Ordinary newcomers by source and age in days: how many could come on that day of their life within the
-- history, how many came to the feed, how many to either service.
WITH
    arrived AS
    (
        SELECT source, number - arrival AS age, count() AS users
        FROM simulation_users
        CROSS JOIN simulation_days
        WHERE arrival <= number AND kind != 2 AND age < {ages:UInt32}
        GROUP BY source, age
    ),
    came AS
    (
        SELECT source, number - arrival AS age, sum(reads) AS feed, count() AS either
        FROM simulation_visits
        INNER JOIN simulation_users USING (user_id)
        WHERE kind != 2 AND NOT silenced AND age < {ages:UInt32}
        GROUP BY source, age
    )
SELECT source, age, users, ifNull(feed, 0) / users AS feed_share, ifNull(either, 0) / users AS either_share
FROM arrived
LEFT JOIN came USING (source, age)
ORDER BY source, age
