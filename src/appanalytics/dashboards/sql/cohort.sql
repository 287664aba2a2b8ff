{%- set chosen = filter_values('cohort') -%}
SELECT day, toInt32(day - first_day) AS days_since, first_day, toString(first_day) AS cohort, lead, user_id,
       $counters, $labels
FROM user_day
WHERE first_day IN
{%- if chosen %} {{ chosen | where_in }}{% else %} ($spike){% endif %}
