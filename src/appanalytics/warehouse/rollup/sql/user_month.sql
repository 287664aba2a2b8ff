-- Counters of each user by calendar month, for the month [{first}, {until}): what `user_day` holds, added up.
INSERT INTO $target (month, user_id, $columns, $counters)
SELECT toStartOfMonth(day) AS month, user_id, $columns, $sums
FROM user_day
WHERE day >= {first:Date} AND day < {until:Date}
GROUP BY month, user_id, $columns
SETTINGS max_bytes_before_external_group_by = 1000000000
