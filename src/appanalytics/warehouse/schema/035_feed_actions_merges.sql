-- Each row is merged fewer times: a part waits for up to ten of its size. With five, merging cost a collector under
-- load as much as storing.
ALTER TABLE feed_actions MODIFY SETTING merge_selector_base = 10
