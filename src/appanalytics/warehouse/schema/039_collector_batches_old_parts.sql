-- See 037_feed_actions_old_parts.
ALTER TABLE collector_batches MODIFY SETTING old_parts_lifetime = 120, min_compressed_bytes_to_fsync_after_merge = 67108864
