"""What every task imports, imported once by the scheduler: its workers, and the tasks, are forked from it.

Airflow's file of local settings imports this (`appanalytics.jobs.parts.airflow`). Only modules that neither start
threads nor open files belong here; the embedded engine does not.
"""

from importlib import import_module

for name in ("app", "jobs.registry", "jobs.tables", "jobs.report", "jobs.alert_messages", "scheduling"):
    import_module(f"appanalytics.{name}")
