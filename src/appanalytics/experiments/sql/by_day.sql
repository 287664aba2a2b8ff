-- What each day adds to the moments of the users' running totals, by variant: running sums over days are the exact
-- moments from the start to each day's end, without a row for each user and day before.
SELECT
    variant,
    day AS of_day,
    sum(is_first) AS users,
    toString(sum(a - a_before)) AS sum_above,
    toString(sum(b - b_before)) AS sum_below,
    toString(sum(a * a - a_before * a_before)) AS sum_above_above,
    toString(sum(b * b - b_before * b_before)) AS sum_below_below,
    toString(sum(a * b - a_before * b_before)) AS sum_above_below
FROM
(
    SELECT
        variant,
        day,
        toInt128($run_above(above) OVER until_today) AS a,
        toInt128($run_below(below) OVER until_today) AS b,
        toInt128($run_above(above) OVER until_yesterday) AS a_before,
        toInt128($run_below(below) OVER until_yesterday) AS b_before,
        row_number() OVER until_today = 1 AS is_first
    FROM
    (
        SELECT user_id, any(of.variant) AS variant, day, toInt64($above) AS above, toInt64($below) AS below
        FROM user_day
        INNER JOIN (SELECT user_id, variant, exposed_from FROM $work WHERE variant != '') AS of USING (user_id)
        WHERE day >= {since:Date} AND day < {until:Date} AND day >= exposed_from
        GROUP BY user_id, day
    )
    WINDOW
        until_today AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        until_yesterday AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
GROUP BY variant, of_day
ORDER BY variant, of_day
