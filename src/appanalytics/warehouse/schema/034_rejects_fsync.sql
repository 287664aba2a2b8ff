-- See 033_collector_batches_fsync.
ALTER TABLE rejects MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1
