SELECT person, on_day, min(moment) AS moment, $raw
                    FROM
                    (
                        $events
                    )
                    GROUP BY person, on_day, $raw
