-- Events by day, and how many of them break each rule.
SELECT $day AS day, count() AS events,
    $counts
FROM $table
WHERE $where
GROUP BY day
ORDER BY day
