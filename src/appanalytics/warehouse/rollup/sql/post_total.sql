-- Counters by post of the days {days}, all users together.
INSERT INTO $target (day, $items, $counters)
SELECT day, $items, $sums
FROM post_day
WHERE day IN {days:Array(Date)}
GROUP BY day, $items
