-- Of the users whose first day was `back` days before each day: how many they were, and how many of them were active.
-- Users of any service. A day without newcomers `back` days before has no row.
SELECT
    born.first_day + {back:UInt16} AS day,
    born.users AS size,
    ifNull(back.users, 0) AS users
FROM (SELECT first_day, sum(users) AS users FROM retention_day WHERE dimension = '' AND day = first_day GROUP BY first_day) AS born
LEFT JOIN (SELECT first_day, sum(users) AS users FROM retention_day
           WHERE dimension = '' AND day = first_day + {back:UInt16} GROUP BY first_day) AS back
    ON back.first_day = born.first_day
WHERE born.first_day BETWEEN {first:Date} - {back:UInt16} AND {last:Date} - {back:UInt16}
ORDER BY day
