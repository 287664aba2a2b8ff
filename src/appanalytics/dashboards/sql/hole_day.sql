(SELECT argMax(day, least(before, after) - n)
 FROM (SELECT day, n, lagInFrame(n) OVER near AS before, leadInFrame(n) OVER near AS after
       FROM (SELECT day, toInt64(sum(users)) AS n FROM retention_day WHERE dimension = '' GROUP BY day)
       WINDOW near AS (ORDER BY day ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING))
 WHERE before > 0 AND after > 0)
