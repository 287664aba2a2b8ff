SELECT step.1 AS week, step.2 AS n_active, step.3 AS n_new, step.4 AS n_retained, step.5 AS n_returning, step.6 AS n_gone,
       $names
FROM
(
    SELECT toMonday(day) AS monday, toMonday(last) AS last_week, last - toMonday(last) = 6 AS is_whole,
           prev_day >= monday - 7 AS was_there,
           [(monday, 1, first_day >= monday, first_day < monday AND was_there, first_day < monday AND NOT was_there,
             if(monday < last_week OR is_whole, -toInt32(was_there), 0)),
            (monday + 7, 0, 0, 0, 0, 1)] AS steps,
           last, $labels
    FROM
    (
        SELECT *, (SELECT max(day) FROM slice_day) AS last
        FROM user_day
        WHERE lead AND prev_day < toMonday(day)
    ) AS user_day
)
ARRAY JOIN steps AS step
WHERE step.1 < last_week OR (step.1 = last_week AND (is_whole OR step.2 = 1))
