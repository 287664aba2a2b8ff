{#- The first users by the chart's first metric, found before anything else is read of them. -#}
{%- set rank = $ranks -%}
{%- set by = rank.get((metrics or [''])[0], '$first') -%}
SELECT day, user_id, $counters, $labels
FROM user_day
WHERE user_id IN
(
    SELECT user_id
    FROM user_day
    WHERE {{ by }} > 0
    {%- if from_dttm %} AND day >= toDate('{{ from_dttm[:10] }}'){% endif %}
    {%- if to_dttm %} AND day < toDate('{{ to_dttm[:10] }}'){% endif %}
    {%- for each in (filter or []) -%}
    {%- if each.op in ('IN', 'NOT IN') and each.col in label %}
        AND {{ label[each.col] }} {{ each.op }} {{ each.val | where_in }}
    {%- endif -%}
    {%- endfor %}
    GROUP BY user_id
    ORDER BY sum({{ by }}) DESC, user_id
    LIMIT 1000
)
