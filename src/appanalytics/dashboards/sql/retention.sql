{%- set compact = $compact -%}
{%- set small = asked | length == 0 or (asked | length == 1 and asked[0] in compact) -%}
SELECT first_day, first_day + passed AS day, passed AS days_since, n_users, n_size,
       toString(first_day) AS cohort,
       toInt32((SELECT max(day) FROM slice_day) - first_day) AS days_ago
       {%- for name in asked %}, {{ name }}{% endfor %}
FROM
(
    SELECT first_day, passed, active AS n_users, 0 AS n_size{% for name in asked %}, {{ name }}{% endfor %}
    FROM
    (
{%- if small %}
        SELECT first_day, toInt32(day - first_day) AS passed, sum(users) AS active
               {%- for name in asked %}, value AS {{ name }}{% endfor %}
        FROM retention_day
        WHERE dimension = '{{ asked[0] if asked else '' }}'
{%- else %}
        SELECT first_day, toInt32(day - first_day) AS passed, sum(lead) AS active
               {%- for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
        FROM user_day
{%- endif %}
        GROUP BY first_day, passed{% for name in asked %}, {{ name }}{% endfor %}
    )
    UNION ALL
    SELECT first_day, toInt32(arrayJoin(range(toUInt32(until - first_day) + 1))) AS passed, 0 AS n_users, newcomers AS n_size
           {%- for name in asked %}, {{ name }}{% endfor %}
    FROM
    (
{%- if small %}
        SELECT first_day, sum(users) AS newcomers, (SELECT max(day) FROM slice_day) AS until
               {%- for name in asked %}, value AS {{ name }}{% endfor %}
        FROM retention_day
        WHERE day = first_day AND dimension = '{{ asked[0] if asked else '' }}'
{%- else %}
        SELECT first_day, sum(lead) AS newcomers, (SELECT max(day) FROM slice_day) AS until
               {%- for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
        FROM user_day
        WHERE day = first_day
{%- endif %}
        GROUP BY first_day{% for name in asked %}, {{ name }}{% endfor %}
    )
)
