-- The same of steps that are days, from the rollup: users by first day and day add up.
SELECT $cohort AS cohort$value, toInt32(day - first_day) AS place, sum(users) AS users
FROM retention_day
WHERE dimension = {dimension:String} AND first_day >= {since:Date} AND first_day < {until:Date} AND day < {seen:Date}
  AND day - first_day <= {last:Int32}
GROUP BY cohort$names, place
