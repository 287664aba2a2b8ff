-- Days of users with the attributes of their first event, whatever they changed to later.
SELECT activity.user_id AS user_id, activity.day AS day, activity.$previous AS $previous$own
FROM user_day AS activity
LEFT JOIN
(
    SELECT user_id$picked
    FROM user_day
    WHERE user_id IN (SELECT user_id FROM mixed_users)
    GROUP BY user_id
) AS acquired ON acquired.user_id = activity.user_id
WHERE activity.day >= {first:Date} AND activity.day < {until:Date} AND $active
