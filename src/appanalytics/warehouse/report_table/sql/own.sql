SELECT $user AS person, {day:Date} AS on_day, $time AS moment, $columns
                    FROM $table
                    WHERE $time >= {start:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')}
                      AND $user IN (SELECT person FROM pairs)
