-- Users of each cohort by place, a step or bracket of steps of their life in which they returned. Place -1 is the
-- cohort's size. A user belongs to the bucket of his first day and is told apart by his attributes of that day.
SELECT $cohort AS cohort$names, place, count() AS users
FROM
(
    SELECT born$outputs, arrayPushFront($places, -1) AS places
    FROM
    (
$lives
    )
    $filter
)
ARRAY JOIN places AS place
GROUP BY cohort$names, place
