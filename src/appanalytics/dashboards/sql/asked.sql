{#- Which dimensions the chart asks for. Naming the user's roles keeps apart what row-level rules keep apart. -#}
{%- set _ = current_user_roles() -%}
{%- set asked = [] -%}
{%- for name in $names -%}
{%- if name in (columns or []) or (filter or []) | selectattr('col', 'equalto', name) | list -%}
{%- set _ = asked.append(name) -%}
{%- endif -%}
{%- endfor -%}
{%- set label = $labels -%}
