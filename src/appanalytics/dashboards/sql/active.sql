{%- set needs = $needs -%}
{%- set pairs = [] -%}
{%- for metric in (metrics or []) -%}
{%- if metric is string -%}
{%- for pair in needs.get(metric, []) -%}{%- set _ = pairs.append(pair) -%}{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- set windows = (pairs or $all_pairs) | join(', ') -%}
{%- set small = [] -%}
{%- set large = [] -%}
{%- for name in asked -%}
{%- set _ = (small if name in $compact else large).append(name) -%}
{%- endfor -%}
SELECT service, days, day, n
    {%- for name in asked %}, {{ name }}{% endfor %}
FROM
(
    SELECT service, days, day,
           sum(sum(delta)) OVER (PARTITION BY service, days
               {%- for name in asked %}, {{ name }}{% endfor %} ORDER BY day) AS n
           {%- for name in asked %}, {{ name }}{% endfor %}
    FROM
    (
{%- if large %}
        SELECT service, days, step.1 AS day, step.2 AS delta{% for name in asked %}, {{ name }}{% endfor %}
        FROM
        (
            SELECT service, days{% for name in asked %}, {{ name }}{% endfor %},
                   if(prev = toDate(0) OR active_day - prev >= days,
                      [(active_day, 1), (active_day + days, -1)],
                      [(active_day + days, -1), (prev + days, 1)]) AS steps
            FROM
            (
                SELECT day AS active_day, links.1 AS service, links.2 AS days, links.3 AS prev
                       {%- for name in asked %}, {{ label[name] }} AS {{ name }}{% endfor %}
                FROM user_day
                ARRAY JOIN arrayFilter(link -> (link.1, link.2) IN ({{ windows }}), $links) AS links
                WHERE 1
                    {%- for each in (filter or []) -%}
                    {%- if each.op in ('IN', 'NOT IN') and each.col in asked %}
                    AND {{ label[each.col] }} {{ each.op }} {{ each.val | where_in }}
                    {%- endif -%}
                    {%- endfor %}
            )
        )
        ARRAY JOIN steps AS step
{%- else %}
        SELECT service, days, day, delta{% for name in small %}, {{ name }}{% endfor %}
        FROM active_delta
        WHERE (service, days) IN ({{ windows }})
{%- endif %}
        UNION ALL
        SELECT service, days, arrayJoin(arrayMap(step -> bounds.1 + step, range(toUInt32(bounds.2 - bounds.1) + 1))) AS day,
               0 AS delta{% for name in asked %}, {{ name }}{% endfor %}
        FROM
        (
            SELECT service, days, (SELECT (min(day), max(day)) FROM slice_day) AS bounds
                   {%- for name in asked %}, {{ name }}{% endfor %}
            FROM
            (
                SELECT DISTINCT pair.1 AS service, pair.2 AS days
                       {%- for name in asked %}, {{ label[name] if large else name }} AS {{ name }}{% endfor %}
                FROM {{ 'user_day' if large else 'slice_day' }}
                ARRAY JOIN [{{ windows }}] AS pair
            )
        )
    )
    GROUP BY service, days, day{% for name in asked %}, {{ name }}{% endfor %}
)
WHERE day <= (SELECT max(day) FROM slice_day)
