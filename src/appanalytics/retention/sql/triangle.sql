-- Users of each cohort by place, a step or bracket of steps of their life in which they returned. Place -1 is the
-- cohort's size. A user belongs to the bucket of his first day and is told apart by his attributes of that day.
SELECT $cohort AS cohort$names, place, count() AS users
FROM
(
    SELECT born$outputs, arrayPushFront($places, -1) AS places
    FROM
    (
        SELECT
            user_id, any($first) AS born$attributes,
            groupUniqArrayIf(toInt32($step), $returned) AS steps
        FROM user_day
        WHERE $first >= {since:Date} AND $first < {until:Date} AND day < {seen:Date}
        GROUP BY user_id
    )
    $filter
)
ARRAY JOIN places AS place
GROUP BY cohort$names, place
