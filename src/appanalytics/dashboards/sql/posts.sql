{%- set first = (from_dttm or '')[:10] or '1970-01-02' -%}
SELECT day, $items, $counters, 0 AS n_users{% for name in asked %}, {{ name }}{% endfor %}
FROM {{ 'post_day' if asked else 'post_total' }}
{% if from_dttm or to_dttm %}WHERE 1
    {%- if from_dttm %} AND day >= toDate('{{ from_dttm[:10] }}'){% endif %}
    {%- if to_dttm %} AND day < toDate('{{ to_dttm[:10] }}'){% endif %}
{% endif -%}
{%- if $reach in (metrics or []) %}
UNION ALL
SELECT day, $items, $zeros, users AS n_users{% for name in asked %}, {{ name }}{% endfor %}
FROM post_link
WHERE prev_day < toDate('{{ first }}')
    {%- if from_dttm %} AND day >= toDate('{{ from_dttm[:10] }}'){% endif %}
    {%- if to_dttm %} AND day < toDate('{{ to_dttm[:10] }}'){% endif %}
{%- endif %}
