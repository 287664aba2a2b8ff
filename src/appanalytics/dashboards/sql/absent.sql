{%- set chosen = filter_values('outage_day') -%}
SELECT day, toString(hole) AS outage_day, first_day, toString(user_day.first_day) AS came, user_id, lead, $counters, $labels,
       toInt32(day - hole) AS days_after
FROM
(
    SELECT *, {% if chosen %}toDate{{ chosen[:1] | where_in }}{% else %}$hole{% endif %} AS hole
    FROM user_day
) AS user_day
WHERE first_day < hole
  AND user_id NOT IN
  (
      SELECT user_id FROM user_day
      WHERE day = {% if chosen %}toDate{{ chosen[:1] | where_in }}{% else %}$hole{% endif %}
  )
