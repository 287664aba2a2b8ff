-- The users who came on the most days, with what they did on them and who they were on the last one.
SELECT user_id, days_active, first_seen, last_seen$outputs$sums
FROM
(
    SELECT
        user_id, uniqExact(day) AS days_active, min($first) AS first_seen, max(day) AS last_seen$attributes$totals
    FROM user_day
    WHERE day >= {first:Date} AND day < {until:Date} AND $active
    GROUP BY user_id
)
$filter
ORDER BY days_active DESC, total DESC, user_id
LIMIT {most:UInt32}
