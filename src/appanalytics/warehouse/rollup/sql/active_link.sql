-- Users of the days {days} by the previous day on which the same user was active in the same service with the
-- same compact attributes.
INSERT INTO $target (day, prev_day, service, $names, users)
SELECT day, prev_day, service, $names, count() AS users
FROM
(
    SELECT service, $names, arraySort(groupUniqArray(active_day)) AS days
    FROM
    (
        SELECT user_id, day AS active_day, services.1 AS service, $labels
        FROM user_day
        ARRAY JOIN [$services] AS services
        WHERE services.2 AND user_id IN (SELECT user_id FROM user_day WHERE day IN {days:Array(Date)})
          AND day <= {last:Date}
    )
    GROUP BY user_id, service, $names
)
ARRAY JOIN
    days AS day,
    arrayPushFront(arrayPopBack(days), toDate(0)) AS prev_day
WHERE has({days:Array(Date)}, day)
GROUP BY day, prev_day, service, $names
