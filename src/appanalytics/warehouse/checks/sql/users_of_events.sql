-- Counters and users by day, from the events.
SELECT day, $sums, uniqExact(person) AS users
FROM
(
    $union
)
GROUP BY day
