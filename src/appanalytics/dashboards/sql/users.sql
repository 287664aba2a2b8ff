{%- set compact = $compact -%}
{%- set small = not (asked | reject('in', compact) | list) and not (named | select('in', $heavy) | list)
    and not ((metrics or []) | reject('in', $additive) | list) -%}
{%- if small %}
SELECT day, $counters, $weekday AS weekday{% for name in asked %}, {{ name }}{% endfor %}
FROM slice_day
{%- else %}
SELECT day, user_id, first_day, $counters, $weekday AS weekday, $bins, $labels,
       prev_day < toDate('{{ (from_dttm or '1970-01-02')[:10] }}') AS is_first
FROM user_day
{%- endif %}
