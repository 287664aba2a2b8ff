(SELECT argMax(first_day, n - greatest(before, after))
 FROM (SELECT first_day, n, lagInFrame(n) OVER near AS before, leadInFrame(n) OVER near AS after
       FROM (SELECT first_day, sum(users) AS n FROM retention_day
             WHERE dimension = '' AND day = first_day GROUP BY first_day)
       WINDOW near AS (ORDER BY first_day ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING))
 WHERE before > 0 AND after > 0)
