-- One day of `report_retention`: every cohort that began until then, also those of whom nobody came.
INSERT INTO $work (event_date, dimension, dimension_value, cohort, offset, size, users)
SELECT
    {day:Date} AS event_date, began.dimension, began.value, began.first_day,
    toUInt16({day:Date} - began.first_day) AS offset, began.users AS size, ifNull(came.users, 0) AS users
FROM
(
    SELECT dimension, value, first_day, sum(users) AS users
    FROM retention_day
    WHERE day = first_day AND day <= {day:Date}
    GROUP BY dimension, value, first_day
) AS began
LEFT JOIN
(
    SELECT dimension, value, first_day, sum(users) AS users
    FROM retention_day
    WHERE day = {day:Date}
    GROUP BY dimension, value, first_day
) AS came USING (dimension, value, first_day)
