-- Events by day, and how many of them are one more copy of another; of every {part}-th user.
SELECT $day AS day, count() AS events, events - uniqExact(sipHash64($key)) AS copies
FROM $table
WHERE $where
  AND cityHash64($user) % {part:UInt64} = 0
GROUP BY day
ORDER BY day
