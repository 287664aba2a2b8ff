{%- set compact = $compact -%}
{%- set small = not (asked | reject('in', compact) | list) -%}
SELECT step.1 AS week, n * step.2 AS n_active, n * step.3 AS n_new, n * step.4 AS n_retained,
       n * step.5 AS n_returning, n * step.6 AS n_gone{% for name in asked %}, {{ name }}{% endfor %}
FROM
(
    SELECT n, last_week, is_whole{% for name in asked %}, {{ name }}{% endfor %},
           [(monday, 1, prev = toDate(0), prev != toDate(0) AND was_there, prev != toDate(0) AND NOT was_there,
             if(monday < last_week OR is_whole, -toInt32(was_there), 0)),
            (monday + 7, 0, 0, 0, 0, 1)] AS steps
    FROM
    (
        SELECT toMonday(active_day) AS monday, prev, n, prev >= monday - 7 AS was_there,
               (SELECT max(day) FROM slice_day) AS last, toMonday(last) AS last_week,
               last - last_week = 6 AS is_whole{% for name in asked %}, {{ name }}{% endfor %}
        FROM
        (
{%- if small %}
            SELECT day AS active_day, prev_day AS prev, users AS n{% for name in asked %}, {{ name }}{% endfor %}
            FROM active_link
            WHERE service = 'any' AND prev_day < toMonday(day)
{%- else %}
            SELECT day AS active_day, prev_day AS prev, 1 AS n
                   {%- for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
            FROM user_day
            WHERE lead AND prev_day < toMonday(day)
{%- endif %}
        )
    )
)
ARRAY JOIN steps AS step
WHERE step.1 < last_week OR (step.1 = last_week AND (is_whole OR step.2 = 1))
