SELECT experiment, part, if(raw.part = 'arm', raw.check, $check) AS check_name, $status AS status, found,
       users AS n_users, expected AS n_expected, p_value AS n_p
FROM experiment_checks AS raw
WHERE {{ chosen }}
