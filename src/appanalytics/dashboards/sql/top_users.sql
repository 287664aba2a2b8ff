{#- The first users by the chart's first metric, found before anything else is read of them. Whole months of the
    period are read in `user_month`, the days beside them in `user_day`; where days are drawn, all in `user_day`. -#}
{%- set rank = $ranks -%}
{%- set by = rank.get((metrics or [''])[0], '$first') -%}
{%- set drawn = [] -%}
{%- for each in (columns or []) -%}
{%- set _ = drawn.append(each if each is string else each.get('sqlExpression') or each.get('label')) -%}
{%- endfor -%}
{%- set whole = 'day' not in drawn and 'date' not in drawn -%}
{%- set since = "toDate('" ~ from_dttm[:10] ~ "')" if from_dttm else '' -%}
{%- set until = "toDate('" ~ to_dttm[:10] ~ "')" if to_dttm else '' -%}
{%- set first_month = 'toStartOfMonth(' ~ since ~ ' - 1) + toIntervalMonth(1)' -%}
{%- set end_month = 'toStartOfMonth(' ~ until ~ ')' -%}
{%- set of_months -%}
    {%- if since %} AND month >= {{ first_month }}{% endif %}
    {%- if until %} AND month < {{ end_month }}{% endif %}
{%- endset -%}
{%- set of_days -%}
    {%- if since %} AND day >= {{ since }}{% endif %}
    {%- if until %} AND day < {{ until }}{% endif %}
    {%- if whole and since and until %} AND (day < {{ first_month }} OR day >= {{ end_month }})
    {%- elif whole and since %} AND day < {{ first_month }}
    {%- elif whole and until %} AND day >= {{ end_month }}
    {%- endif %}
{%- endset -%}
{%- set kept -%}
    {%- for each in (filter or []) -%}
    {%- if each.op in ('IN', 'NOT IN') and each.col in label %}
            AND {{ label[each.col] }} {{ each.op }} {{ each.val | where_in }}
    {%- endif -%}
    {%- endfor -%}
{%- endset -%}
{%- set parts = [] -%}
{%- if whole %}{% set _ = parts.append(('user_month', 'month', of_months)) %}{% endif -%}
{%- if since or until or not whole %}{% set _ = parts.append(('user_day', 'day', of_days)) %}{% endif -%}
{%- set first_users -%}
    SELECT user_id
    FROM
    (
        {%- for table, day, period in parts %}
        SELECT user_id, {{ by }} AS n FROM {{ table }} AS user_day
        WHERE 1{{ period }}{{ kept }}
        {%- if not loop.last %}
        UNION ALL
        {%- endif %}
        {%- endfor %}
    )
    GROUP BY user_id
    HAVING sum(n) > 0
    ORDER BY sum(n) DESC, user_id
    LIMIT 1000
{%- endset -%}
{%- for table, day, period in parts %}
SELECT {{ 'month AS day' if day == 'month' else 'day' }}, user_id, $counters, $labels
FROM {{ table }} AS user_day
WHERE user_id IN
(
{{ first_users }}
){{ period }}
{%- if not loop.last %}
UNION ALL
{%- endif %}
{%- endfor %}
