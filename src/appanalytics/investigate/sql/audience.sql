-- Active users of each day by what they were before: new on that day, active the day before, or away for longer.
-- A user with several rows of one day is counted once.
SELECT
    day,
    countIf(single AND $first = day) + uniqExactIf(user_id, NOT single AND $first = day) AS new,
    countIf(single AND $prev = day - 1) + uniqExactIf(user_id, NOT single AND $prev = day - 1) AS retained,
    countIf(single AND $first < day AND $prev < day - 1)
        + uniqExactIf(user_id, NOT single AND $first < day AND $prev < day - 1) AS returned
FROM user_day
WHERE day >= {first:Date}
  AND day < {until:Date}
  AND $active
  AND $where
GROUP BY day
ORDER BY day
