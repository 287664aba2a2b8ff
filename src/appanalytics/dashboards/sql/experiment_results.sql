{#- Results of the chosen experiment; `focus` is the chosen metric, else the primary one. -#}
SELECT experiment, raw.part AS part, $metric AS metric, $metric AS metric_name, $role AS role, raw.method AS method, $method AS method_name,
       main AS is_main, endsWith(raw.method, $relative) AS is_relative, raw.method IN ($same_scale) AS is_same_scale,
       {% if measured %}$metric IN {{ measured | where_in }}{% else %}raw.role = 'primary'{% endif %} AS focus, raw.role = 'guardrail' AS is_guardrail,
       concat($dimension, if(raw.dimension = '', '', ': '), raw.value) AS segment, day, $verdict AS says,
       control AS n_control, treatment AS n_treatment, effect AS n_effect, low AS n_low, high AS n_high,
       p_value AS n_p, coalesce(log10_p, log10(raw.p_value)) AS n_log10_p, adjusted_p AS n_adjusted_p, margin AS n_margin
FROM experiment_results AS raw
WHERE {{ chosen }}
