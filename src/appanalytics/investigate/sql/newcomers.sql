-- Users by first day: in the segment or not, by the value of a dimension; how many were back the next day, and within
-- seven days. A user's attributes are those of his first day.
SELECT
    cohort,
    inside,
    value,
    count() AS users,
    countIf(on_next) AS back_next,
    countIf(in_week) AS back_week
FROM
(
    SELECT
        user_id,
        min($first) AS cohort,
        maxIf($segment, day = $first) AS inside,
        anyIf(toString($split), day = $first) AS value,
        countIf(day = $first + 1) > 0 AS on_next,
        countIf(day > $first AND day <= $first + 7) > 0 AS in_week
    FROM user_day
    WHERE day >= {first:Date}
      AND day < {until:Date} + 7
      AND $first >= {first:Date}
      AND $first < {until:Date}
      AND $active
      AND $where
    GROUP BY user_id
)
GROUP BY cohort, inside, value
