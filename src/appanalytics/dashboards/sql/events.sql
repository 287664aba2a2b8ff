{%- set since = (from_dttm or '2000-01-01T00:00:00')[:19] | replace('T', ' ') -%}
{%- set until = (to_dttm or '2100-01-01T00:00:00')[:19] | replace('T', ' ') -%}
{%- set given = {} -%}
{%- for each in (filter or []) -%}
{%- if each.op == 'IN' and each.val -%}{%- set _ = given.update({each.col: each.val[:1] | where_in}) -%}{%- endif -%}
{%- endfor -%}
{%- set grouped = [] -%}
{%- for each in (columns or []) -%}
{%- if (each if each is string else each.get('sqlExpression')) in $names -%}{%- set _ = grouped.append(each) -%}{%- endif -%}
{%- endfor -%}
$sources
{%- if from_dttm and not grouped %}
UNION ALL
SELECT toDateTime('{{ since[:10] }} 00:00:00', 'UTC') + toIntervalMinute(15 * arrayJoin(range(96))) AS time,
       '' AS service, time <= $last AS known, $pads
{%- endif %}
