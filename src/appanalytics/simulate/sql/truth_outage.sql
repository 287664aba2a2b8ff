-- Users whom the outage kept away, by city.
SELECT
    city,
    sum(reads) AS feed_users,
    sum(writes) AS messenger_users
FROM simulation_visits
INNER JOIN simulation_users USING (user_id)
WHERE silenced
GROUP BY city
ORDER BY feed_users DESC, city
