{#- Incidents that were certain at some time; times are wall-clock time of the reporting zone. -#}
SELECT id, $state AS state, raw.state IN ('pending', 'firing', 'recovering') AS is_open, $severity AS severity,
       $direction AS direction, $kind AS kind,
       concat($metric, if(raw.slice = '', '', concat(', ', raw.slice))) AS what,
       $fired AS time, formatDateTime($start, '%Y-%m-%d %H:%i') AS since, formatDateTime($end, '%Y-%m-%d %H:%i') AS last,
       if(id IN (SELECT incident FROM alert_actions WHERE kind = 'ack'), '✓', '') AS acknowledged, note,
       raw.value AS n_value, raw.expected AS n_expected, raw.score AS n_score,
       dateDiff('minute', raw.start, raw.end) / 60 AS n_hours, length(JSONExtractArrayRaw(members)) AS n_series
FROM incidents AS raw FINAL
WHERE raw.fired IS NOT NULL AND raw.state != 'dropped'
