-- The same of steps that are days, where no user's attributes changed: every row of `user_day` is a user's whole day,
-- so that rows by first day and day add up. Place -1 is the cohort's size.
SELECT $cohort AS cohort$groups, place, count() AS users
FROM user_day
ARRAY JOIN arrayConcat(
    if(day = $first AND $active, [toInt32(-1)], []),
    if($returned AND day - $first <= {last:Int32}, [toInt32(day - $first)], [])) AS place
WHERE $first >= {since:Date} AND $first < {until:Date} AND day < {seen:Date}$conditions
GROUP BY cohort$names, place
