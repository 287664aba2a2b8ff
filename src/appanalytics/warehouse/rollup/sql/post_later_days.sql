-- Later days with a post that the days {days} have now or had when they were last rolled up.
SELECT DISTINCT day
FROM post_total
WHERE day > {first:Date} AND day NOT IN {days:Array(Date)} AND ($items) IN
(
    SELECT $items FROM post_total WHERE day IN {days:Array(Date)}
    UNION DISTINCT
    SELECT $columns
    FROM $table
    WHERE $time >= {start:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')} AND has({days:Array(Date)}, $day)
)
