SELECT DISTINCT day, toString(day) AS outage_day, toString(day) AS cohort
FROM slice_day
