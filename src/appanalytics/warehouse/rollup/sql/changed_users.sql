-- Users whose rows of the days {days} differ, in attributes or services, between the prepared and the stored state.
SELECT user_id
FROM
(
    SELECT day, user_id, $shape AS shape, toInt8(1) AS side FROM $stage
    UNION ALL
    SELECT day, user_id, $shape AS shape, toInt8(-1) AS side FROM user_day WHERE day IN {days:Array(Date)}
)
GROUP BY day, user_id
HAVING sumWithOverflow(reinterpretAsInt64(shape) * side) != 0
