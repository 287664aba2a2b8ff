-- What was merged away leaves memory and disk after two minutes instead of eight: a collector makes some parts a second.
-- The kernel writes a merged part out within half a minute; of a large one, which may take it longer, the merge waits.
ALTER TABLE feed_actions MODIFY SETTING old_parts_lifetime = 120, min_compressed_bytes_to_fsync_after_merge = 67108864
