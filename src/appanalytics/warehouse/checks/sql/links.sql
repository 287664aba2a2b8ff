-- Users whose first day is not their earliest, or whose steps between days do not lead to their last.
SELECT count()
FROM
(
    SELECT user_id
    FROM user_day
    GROUP BY user_id
    HAVING min(first_day) != min(day) OR max(first_day) != min(day)
        OR sumIf(toInt64(toInt32(day)) - toInt32(prev_day), lead) != toInt32(max(day))
)
