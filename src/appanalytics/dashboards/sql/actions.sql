SELECT day, $labels, pair.1 AS action, pair.2 AS n_events
FROM user_day
ARRAY JOIN [$actions] AS pair
WHERE pair.2 > 0
