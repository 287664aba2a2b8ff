-- Users of each period by what they were before it. The user's first row of a period tells: its previous active day
-- lies before the period. No previous day: new. In the period just before: retained. Further back: returning.
SELECT
    $start AS period$groups,
    $new AS new_users,
    $retained AS retained_users,
    $returning AS returning_users
FROM $relation
WHERE day >= {first:Date} AND day < {until:Date} AND $previous < $start$conditions
GROUP BY period$names
