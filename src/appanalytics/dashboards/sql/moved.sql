{#- What moved between the newest day and the day a week before: each counter by each small dimension. -#}
SELECT counter.1 AS what, dimension, slice, if(day = newest, toInt64(counter.2), 0) AS n_after,
       if(day = newest, 0, toInt64(counter.2)) AS n_before
FROM
(
    SELECT day, newest, pair.1 AS dimension, pair.2 AS slice, $actions AS counters
    FROM (SELECT *, (SELECT max(day) FROM slice_day) AS newest FROM slice_day) AS slice_day
    ARRAY JOIN $pairs AS pair
    WHERE day = newest OR day = newest - 7
)
ARRAY JOIN counters AS counter
