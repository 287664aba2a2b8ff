-- Events that were acknowledged survive a power cut, whoever inserted them.
ALTER TABLE feed_actions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1
