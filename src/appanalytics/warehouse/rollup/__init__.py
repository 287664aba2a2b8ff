"""Rollups: small exact tables that answer instead of the events.

* ``user_day``: one row for each user, day and combination of attributes, with counters, ``first_day`` (the
  user's first active day) and ``prev_day`` (the active day before; 1970-01-01 if none), in any source and in
  each (``feed_first_day``, …); ``lead`` is 1 on the row with the user's earliest event of the day, so that the
  sum of it counts users; ``single`` is 1 where the user has one row on the day
* ``slice_day``: counters by day and compact dimensions
* ``active_link``: users by day, previous active day, service and compact dimensions
* ``active_delta``: from it, the change of the number of users active in the last `w` days; running sums of it
  are exact rolling counts, additive over days, dimensions and shards
* ``retention_day``: users and counters by first day and day, for each compact dimension on its own
* ``post_day``: counters by post and compact dimensions

``mixed_users`` lists users seen with several combinations of attributes. The tables that add up over
dimensions count such a user once for each combination; whoever reads them corrects for these users.
"""

from appanalytics.warehouse.rollup.build import RollupReport, rollup
from appanalytics.warehouse.rollup.layout import Layout

__all__ = ["Layout", "RollupReport", "rollup"]
