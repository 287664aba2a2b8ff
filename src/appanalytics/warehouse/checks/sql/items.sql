-- Counters by day and the number of different items.
SELECT $day AS day, $sums, uniqExact($items) AS items
FROM $table
WHERE $where
GROUP BY day
