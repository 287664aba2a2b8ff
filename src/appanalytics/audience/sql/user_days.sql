-- On how many days of users a counter had each value; days without any are not among them.
SELECT value, count() AS users
FROM
(
    SELECT sum($counter) AS value
    FROM user_day
    WHERE day >= {first:Date} AND day < {until:Date}
    GROUP BY user_id, day
    HAVING value > 0
)
GROUP BY value
ORDER BY value
