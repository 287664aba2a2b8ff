SELECT day, day = (SELECT max(day) FROM quality) AS is_newest, name AS check_name, $status AS status,
       multiIf(raw.status = 'ok', 3, raw.status = 'skipped', 4, raw.status = 'warning', 2, 1) AS severity_order,
       compared, found, expected, if(raw.about_day IS NULL, '', toString(raw.about_day)) AS about_day, slice, hint
FROM quality AS raw
