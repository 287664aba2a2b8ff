SELECT day, user_id, first_day, prev_day, lead, $services, $labels, $counters,
       transform(toDayOfWeek(day), [1, 2, 3, 4, 5, 6, 7], $weekdays, '') AS weekday,
       $bins,
       {% if from_dttm %}prev_day < toDate('{{ from_dttm[:10] }}'){% else %}prev_day = toDate(0){% endif %} AS is_first
FROM user_day
