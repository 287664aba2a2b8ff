SELECT
    '$source' AS source,
    countIf($time >= {start:DateTime64(3, 'UTC')}) AS events,
    countIf($time < {start:DateTime64(3, 'UTC')}) AS events_before,
    (SELECT max($time) FROM $table) AS last
FROM $table
WHERE $time >= {before:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')}
