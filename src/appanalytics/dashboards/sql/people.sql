{%- set compact = $compact -%}
{%- set first = (from_dttm or '1970-01-02')[:10] -%}
{%- if not (asked | reject('in', compact) | list) %}
SELECT day, service, prev_day = toDate(0) AS is_new, users AS n{% for name in asked %}, {{ name }}{% endfor %}
FROM active_link
WHERE prev_day < toDate('{{ first }}')
{%- else %}
SELECT day, link.1 AS service, link.2 = toDate(0) AS is_new, 1 AS n
       {%- for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
FROM user_day
ARRAY JOIN [$links] AS link
WHERE link.2 < toDate('{{ first }}') AND link.3 > 0
{%- endif %}
