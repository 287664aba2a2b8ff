-- See 031_feed_actions_fsync: what the journal no longer has must be in the tables, the ledger as the events.
ALTER TABLE collector_batches MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1
