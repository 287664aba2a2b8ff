-- See 035_feed_actions_merges.
ALTER TABLE message_actions MODIFY SETTING merge_selector_base = 10
