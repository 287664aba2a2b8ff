SELECT DISTINCT $metric AS watched_metric, $part AS watched_slice
FROM anomaly_points AS raw
