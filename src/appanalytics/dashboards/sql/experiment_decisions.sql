{#- Decisions, the newest of each experiment's variant first. -#}
SELECT experiment, variant, $decision AS decision, $step AS step, $metric AS metric_name,
       arrayStringConcat(arrayMap(risk -> replaceRegexpAll($risk, '[{](metric|dimension|check)[}]', $named), raw.risks), ' ') AS risks, formatDateTime($written, '%Y-%m-%d %H:%i') AS decided,
       effect AS n_effect, low AS n_low, high AS n_high, p_value AS n_p, coalesce(log10_p, log10(raw.p_value)) AS n_log10_p, per_day AS n_per_day
FROM decisions AS raw
