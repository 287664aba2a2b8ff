-- Totals of the report table by day and dimension.
SELECT event_date AS day, dimension, count() AS rows, uniqExact(dimension_value) AS values, $sums
FROM report_daily
GROUP BY day, dimension
ORDER BY day, dimension
