{#- How far everything is, against the end of the chart's range, which is the present. -#}
SELECT place, what, toString(at) AS as_of, greatest(dateDiff('second', at, present), 0) / 3600 AS n_hours
FROM
(
    SELECT row.1 AS place, row.2 AS what, row.3 AS at,
           {% if to_dttm %}toDateTime('{{ to_dttm[:19] | replace('T', ' ') }}', 'UTC'){% else %}$newest{% endif %} AS present
    FROM (SELECT arrayJoin([$rows]) AS row)
)
WHERE at > toDateTime('2000-01-01 00:00:00', 'UTC')
