-- Of each cohort: its users, and sum and sum of squares of the number of places in which a user returned, from 1 to
-- the cohort's horizon. Days of one user hang together, so a mean over places needs the spread between users.
SELECT cohort$names, count() AS users, sum(total) AS sum_total, sum(total * total) AS sum_squares
FROM
(
    SELECT
        $cohort AS cohort$outputs,
        transform(cohort, {cohorts:Array(Date)}, {horizons:Array(Int32)}, toInt32(0)) AS horizon,
        toUInt64(length(arrayFilter(place -> place >= 1 AND place <= horizon, $places))) AS total
    FROM
    (
$lives
    )
    $filter
)
WHERE horizon > 0
GROUP BY cohort$names
