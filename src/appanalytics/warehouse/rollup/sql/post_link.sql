-- Users of a post on the days {days} by the previous day on which the same user had an event with the same post.
-- A user's days from {base} on are the bits of one number, which is why they must lie within 64 days; of those
-- before, from {since} on, only the last one matters. `slice` stands for the compact dimensions while rows are
-- many; a user has one (users with several are answered from the events).
INSERT INTO $target (day, prev_day, $items, $names, users)
SELECT day, prev_day, $items, $label_names, users
FROM
(
    SELECT day, prev_day, $items, slice, count() AS users
    FROM
    (
        SELECT $items, slice, before,
               arrayMap(place -> {base:Date} + place, bitPositionsToArray(mask)) AS days
        FROM
        (
            SELECT
                user_id, $items,
                groupBitOrIf(bitShiftLeft(toUInt64(1), toUInt8(greatest(0, active_day - {base:Date}))),
                             active_day >= {base:Date}) AS mask,
                maxIf(active_day, active_day < {base:Date}) AS before
            FROM
            (
                SELECT $user AS user_id, $item_columns, $day AS active_day
                FROM $table
                WHERE $time >= {since:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')}
                  AND ($columns) IN (SELECT $items FROM post_total WHERE day IN {days:Array(Date)})
            )
            GROUP BY user_id, $items
            HAVING mask != 0
        ) AS seen
        INNER JOIN (SELECT user_id, min($slice) AS slice FROM user_day GROUP BY user_id) AS users
            ON users.user_id = seen.user_id
    )
    ARRAY JOIN
        days AS day,
        arrayPushFront(arrayPopBack(days), before) AS prev_day
    WHERE has({days:Array(Date)}, day)
    GROUP BY day, prev_day, $items, slice
) AS links
INNER JOIN (SELECT DISTINCT $slice AS slice, $labels FROM user_day) AS labels ON labels.slice = links.slice
