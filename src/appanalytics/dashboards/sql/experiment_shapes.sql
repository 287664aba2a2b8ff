{#- How users' values of the chosen metric (else the primary one) are spread in each variant. -#}
SELECT experiment, variant, $metric AS metric, round(low, 6) AS bin, share AS n_share, users AS n_users
FROM experiment_distributions AS raw
WHERE {{ chosen }}
  AND {% if measured %}$metric IN {{ measured | where_in }}{% else %}raw.metric IN
      (SELECT metric FROM experiment_results WHERE role = 'primary' AND {{ chosen }}){% endif %}
