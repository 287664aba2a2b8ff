SELECT $columns, $views AS n_views, $likes AS n_likes, $messages AS n_messages
        FROM $table
        WHERE $time >= {start:DateTime64(3, 'UTC')} AND $time < {end:DateTime64(3, 'UTC')}
        GROUP BY $keys
