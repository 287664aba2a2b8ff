-- Newcomers of the campaign's day: the campaign's, and the ordinary ones.
SELECT
    countIf(kind = 2) AS campaign,
    countIf(kind != 2) AS others,
    countIf(kind = 0) AS other_ads
FROM simulation_users
WHERE arrival = {day:UInt32}
