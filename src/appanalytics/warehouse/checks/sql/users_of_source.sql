SELECT $day AS day, $user AS person, $counters
    FROM $table
    WHERE $where
    GROUP BY day, person
