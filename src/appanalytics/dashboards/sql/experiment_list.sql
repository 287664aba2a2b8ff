SELECT DISTINCT experiment, $metric AS metric
FROM experiment_results AS raw
