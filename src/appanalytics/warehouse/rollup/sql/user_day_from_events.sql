-- Counters of the days {days}, from the events. `lead` marks the row of the user's earliest event of a day,
-- `single` a row that is the user's only one of the day.
INSERT INTO $stage (day, user_id, $columns, $counters, first_time, lead, single)
SELECT
    *,
    row_number() OVER (PARTITION BY day, user_id ORDER BY first_time, $columns) = 1 AS lead,
    count() OVER (PARTITION BY day, user_id) = 1 AS single
FROM
(
    SELECT day, user_id, $columns, $sums, min(first_time) AS first_time
    FROM
    (
        $union
    )
    GROUP BY day, user_id, $columns
)
