-- Each user's first day, his attributes of then, and the steps of his life in which he returned.
SELECT
    user_id, any($first) AS born$attributes,
    groupUniqArrayIf(toInt32($step), $returned) AS steps
FROM user_day
WHERE $first >= {since:Date} AND $first < {until:Date} AND day < {seen:Date}
GROUP BY user_id
