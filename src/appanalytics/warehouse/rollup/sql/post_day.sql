-- Counters by post of the days {days}, from the events.
INSERT INTO $target (day, $items, $names, $counters)
SELECT $day AS day, $item_columns, $event_labels, $aggregates
FROM $table
WHERE $time >= {start:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')} AND has({days:Array(Date)}, $day)
GROUP BY ALL
