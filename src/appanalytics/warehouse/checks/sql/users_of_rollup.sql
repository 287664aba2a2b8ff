-- The same from user_day; `leads` counts each user once by his first row of the day.
SELECT day, $sums, uniqExact(user_id) AS users, sum(lead) AS leads
FROM user_day
WHERE $where
GROUP BY day
