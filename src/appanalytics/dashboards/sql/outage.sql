{%- set chosen = filter_values('outage_day') -%}
SELECT day, toString(hole) AS outage_day, first_day, user_id, $labels,
       if(day = hole - 1, lead, 0) AS n_before, if(day = hole, lead, 0) AS n_that_day
FROM
(
    SELECT *, {% if chosen %}toDate{{ chosen[:1] | where_in }}{% else %}$hole{% endif %} AS hole
    FROM user_day
) AS user_day
WHERE day = hole OR day = hole - 1
