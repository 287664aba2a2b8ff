{#- The newest analysis of the chosen experiments; of the one analysed last unless some are chosen. -#}
{%- set _ = current_user_roles() -%}
{%- set picked = filter_values('experiment') -%}
{%- set chosen -%}
(experiment, version) IN
(
    SELECT experiment, argMax(version, analysed)
    FROM experiment_results
    {% if picked %}WHERE experiment IN {{ picked | where_in }}{% endif %}
    GROUP BY experiment
    {% if not picked %}ORDER BY max(analysed) DESC, experiment LIMIT 1{% endif %}
)
{%- endset -%}
{%- set measured = filter_values('metric') -%}
