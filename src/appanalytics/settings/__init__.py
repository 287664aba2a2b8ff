"""Settings: what can be set (`sections`), and how the values of a run are read (`load`)."""

from appanalytics.settings.load import (
    FILE_NAME,
    Loaded,
    find_file,
    load_settings,
    names,
    system_environment,
    template,
    variable,
)
from appanalytics.settings.sections import (
    AirflowSettings,
    CollectorSettings,
    MessagesSettings,
    ScheduleSettings,
    ServerSettings,
    Settings,
)

__all__ = [
    "FILE_NAME",
    "AirflowSettings",
    "CollectorSettings",
    "Loaded",
    "MessagesSettings",
    "ScheduleSettings",
    "ServerSettings",
    "Settings",
    "find_file",
    "load_settings",
    "names",
    "system_environment",
    "template",
    "variable",
]
