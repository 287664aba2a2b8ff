-- Pairs of user and post with a like by day, and those of them without a view on that day.
SELECT day, count() AS liked, countIf(views = 0) AS blind
FROM
(
    SELECT $day AS day, countIf($viewed) AS views, countIf($liked) AS likes
    FROM $table
    WHERE $where
    GROUP BY day, $user, $post
    HAVING likes > 0
)
GROUP BY day
ORDER BY day
