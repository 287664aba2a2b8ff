-- One row for each exposed user: variant, attributes on the first day of exposure, counters since it and before the
-- start. Users seen with two variants get the variant '' and count nowhere but in the check.
INSERT INTO $work
WITH exposed AS
(
    SELECT
        user_id,
        minIf(day, $exposure) AS exposed_from,
        groupUniqArray(3)($variant) AS seen
    FROM user_day
    WHERE day >= {since:Date} AND day < {until:Date} AND $variant != ''
    GROUP BY user_id
    HAVING countIf($exposure) > 0
)
SELECT
    user_id,
    if(length(any(seen)) = 1, any(seen)[1], '') AS variant,
    $columns
FROM user_day
INNER JOIN exposed USING (user_id)
WHERE day >= {history:Date} AND day < {until:Date}
GROUP BY user_id
