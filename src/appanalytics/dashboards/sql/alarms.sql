SELECT toDate($time) AS day, $metric AS metric_name, $part AS part_name, 1 AS n_alarm
FROM anomaly_points AS raw FINAL
WHERE raw.alarm
