-- Experiments that were registered and ran on the day.
SELECT name, state, since, until
FROM
(
    SELECT name, state, since, until
    FROM experiments
    ORDER BY name, written DESC
    LIMIT 1 BY name
)
WHERE since <= {day:Date}
  AND until > {day:Date}
  AND state != 'draft'
ORDER BY name
