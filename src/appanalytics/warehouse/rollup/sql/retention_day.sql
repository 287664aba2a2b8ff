-- Users and counters by first day and day, for the days [{first}, {until}). The attributes are those of the
-- user's first event, so that every user belongs to one cohort and to one value of each dimension.
INSERT INTO $target (dimension, value, first_day, day, users, $counters)
SELECT slice.1 AS dimension, slice.2 AS value, first_day, day, sum(lead) AS users, $sums
FROM
(
    SELECT activity.first_day AS first_day, activity.day AS day, lead, $activity_counters,
           [('', ''), $slices] AS slices
    FROM user_day AS activity
    LEFT JOIN
    (
        SELECT user_id, $columns
        FROM user_day
        WHERE day = first_day AND lead AND user_id IN (SELECT user_id FROM mixed_users)
    ) AS acquired ON acquired.user_id = activity.user_id
    WHERE activity.day >= {first:Date} AND activity.day < {until:Date}
)
ARRAY JOIN slices AS slice
GROUP BY dimension, value, first_day, day
