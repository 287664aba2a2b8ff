-- The prepared days with each user's first active day and the active day before, in any source and in each.
INSERT INTO $ready ($all)
SELECT $own, $found
FROM $stage AS staged
INNER JOIN
(
    SELECT user_id, $days
    FROM $timeline
    GROUP BY user_id
) AS timeline ON timeline.user_id = staged.user_id
