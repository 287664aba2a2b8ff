-- Users by the number of days on which they were active.
SELECT value, count() AS users
FROM
(
    SELECT uniqExact(day) AS value
    FROM user_day
    WHERE day >= {first:Date} AND day < {until:Date} AND $active
    GROUP BY user_id
)
GROUP BY value
ORDER BY value
