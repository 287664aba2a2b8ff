-- Users active in a window, in any service and in each.
SELECT count() AS everybody, $counts
FROM
(
    SELECT person, $flags
    FROM
    (
        $union
    )
    GROUP BY person
)
