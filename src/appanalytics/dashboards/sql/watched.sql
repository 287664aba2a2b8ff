{#- A watched series beside what was expected of it. Unless one is chosen: that of the incident that fired last, or else the
    first one; unless a time is: its newest two weeks. -#}
{%- set _ = current_user_roles() -%}
{%- set measured = filter_values('watched_metric') -%}
{%- set parts = filter_values('watched_slice') -%}
{%- set lead = "(SELECT (count(), argMax(metric, fired), argMax(slice, fired)) FROM incidents WHERE kind = 'metric' AND fired IS NOT NULL)" -%}
SELECT $time AS time, $metric AS watched_metric, $part AS watched_slice, value AS n_value, expected AS n_expected,
       spread AS n_spread, alarm AS n_alarm
FROM anomaly_points AS raw FINAL
WHERE {% if measured %}$metric IN {{ measured[:1] | where_in }}
      {%- else %}raw.metric = if({{ lead }}.1 > 0, {{ lead }}.2, $first){% endif %}
  AND {% if parts %}$part IN {{ parts[:1] | where_in }}
      {%- elif measured %}raw.slice = ''
      {%- else %}if(raw.dimension = '', '', concat(raw.dimension, '=', raw.slice)) = {{ lead }}.3{% endif %}
  {%- if not from_dttm %}
  AND raw.time >= (SELECT max(time) FROM anomaly_points) - toIntervalDay(14)
  {%- endif %}
