{#- Each interval as five values, so that a box plot draws it as a bar from its low to its high end with the effect in between. -#}
SELECT experiment, part, metric, metric_name, role, method, method_name, is_main, is_relative, is_same_scale, focus, is_guardrail, segment, day,
       five.1 AS bound, five.2 AS n_bound
FROM
(
    $results
)
ARRAY JOIN [(1, n_low), (2, n_effect), (3, n_effect), (4, n_effect), (5, n_high)] AS five
WHERE n_low IS NOT NULL AND n_high IS NOT NULL
