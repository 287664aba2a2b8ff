SELECT $user AS person, $day AS on_day, min($time) AS moment, $columns
                        FROM $table
                        WHERE $time < {start:DateTime64(3, 'UTC')} AND $user IN (SELECT person FROM pairs)
                        GROUP BY person, on_day, $keys
