"""The audience: who is new, retained, returning and gone; which services they use; what single users do."""

from appanalytics.audience.decompose import Audience, AudienceQuestion, Split, audience
from appanalytics.audience.migration import Migration, Move, migration
from appanalytics.audience.page import audience_page, event_notes
from appanalytics.audience.people import Histogram, active_days, loyal_users, user_days

__all__ = [
    "Audience", "AudienceQuestion", "Histogram", "Migration", "Move", "Split", "active_days", "audience",
    "audience_page", "event_notes", "loyal_users", "migration", "user_days",
]  # fmt: skip
