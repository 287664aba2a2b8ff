SELECT user_id AS person, day AS on_day, first_time AS moment, $columns
                    FROM user_day
                    WHERE day < {day:Date} AND user_id IN (SELECT person FROM pairs)
