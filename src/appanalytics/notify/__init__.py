"""Messages: an outbox in the warehouse, channels, and incidents as threads.

Write with `Outbox.write` (a report) or `Threads` (an incident), then `deliver`. Writing the same message again, and
delivering again after a crash, sends nothing twice but in the one window that `appanalytics.notify.deliver` tells of.
"""

from appanalytics.notify.channel import Channel, Console
from appanalytics.notify.deliver import Delivery, Terms, deliver
from appanalytics.notify.folder import Folder
from appanalytics.notify.letter import Draft, Kind, Letter
from appanalytics.notify.masks import Mask
from appanalytics.notify.others import Others
from appanalytics.notify.outbox import Outbox, State, Summary
from appanalytics.notify.pace import Limits
from appanalytics.notify.telegram import Telegram
from appanalytics.notify.threads import Letters, Threads

__all__ = [
    "Channel",
    "Console",
    "Delivery",
    "Draft",
    "Folder",
    "Kind",
    "Letter",
    "Letters",
    "Limits",
    "Mask",
    "Others",
    "Outbox",
    "State",
    "Summary",
    "Telegram",
    "Terms",
    "Threads",
    "deliver",
]
