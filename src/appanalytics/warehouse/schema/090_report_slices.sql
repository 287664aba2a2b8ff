-- What the slices of the report table are before they are loaded together: a dimension of a day is a partition, so
-- that each slice can be made again by itself. Only `report_daily` is read by people.
CREATE TABLE IF NOT EXISTS report_slices AS report_daily
ENGINE = MergeTree
PARTITION BY (event_date, dimension)
ORDER BY (event_date, dimension, dimension_value)
