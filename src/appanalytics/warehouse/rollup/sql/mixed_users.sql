-- Users seen with more than one combination of attributes; `compact` says that compact dimensions differ, too.
INSERT INTO mixed_users (user_id, compact)
SELECT user_id, uniqExact($compact) > 1 AS compact
FROM $timeline
GROUP BY user_id
HAVING uniqExact($columns) > 1
