{#- Which dimensions the chart asks for. Naming the user's roles keeps apart what row-level rules keep apart. -#}
{%- set _ = current_user_roles() -%}
{%- set named = [] -%}
{%- for each in (columns or []) -%}
{%- set _ = named.append(each if each is string else each.get('sqlExpression') or each.get('label')) -%}
{%- endfor -%}
{%- for each in (filter or []) -%}{%- set _ = named.append(each.col) -%}{%- endfor -%}
{%- set asked = $names | select('in', named) | list -%}
{%- set label = $labels -%}
