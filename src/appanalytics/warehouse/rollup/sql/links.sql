-- The prepared days with each user's first active day and the active day before.
INSERT INTO $ready (day, user_id, $columns, $counters, first_time, lead, first_day, prev_day)
SELECT
    staged.day, staged.user_id, $staged_columns, $staged_counters, staged.first_time, staged.lead,
    links.first_day, links.prev_day
FROM $stage AS staged
INNER JOIN
(
    SELECT user_id, days[1] AS first_day, day, prev_day
    FROM
    (
        SELECT user_id, arraySort(groupUniqArray(day)) AS days
        FROM $timeline
        GROUP BY user_id
    )
    ARRAY JOIN
        days AS day,
        arrayPushFront(arrayPopBack(days), toDate(0)) AS prev_day
    WHERE has({days:Array(Date)}, day)
) AS links ON links.user_id = staged.user_id AND links.day = staged.day
