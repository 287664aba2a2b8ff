-- See 031_feed_actions_fsync.
ALTER TABLE message_actions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1
