{%- set compact = $compact -%}
{%- if not (asked | reject('in', compact) | list) %}
SELECT day, pair.1 AS action, pair.2 AS n_events{% for name in asked %}, {{ name }}{% endfor %}
FROM slice_day
{%- else %}
SELECT day, pair.1 AS action, pair.2 AS n_events{% for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
FROM user_day
{%- endif %}
ARRAY JOIN [$actions] AS pair
WHERE pair.2 > 0
