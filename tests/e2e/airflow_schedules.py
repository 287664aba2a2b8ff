"""Print, as JSON, when the DAGs of the package run between two instants; run by the Python of Airflow's environment.

Arguments: two ISO instants. Nothing is started and no metadata database is needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pendulum import DateTime


def _scheduled(timetable: Any, first: datetime, last: datetime) -> Iterator[Any]:
    """Runs as the scheduler makes them, one after the other."""
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(earliest=DateTime.instance(first), latest=None, catchup=True)
    info = None
    while True:
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
        if info is None or info.run_after >= last:
            return
        yield info


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    import appanalytics

    first, last = (datetime.fromisoformat(text) for text in sys.argv[1:3])
    bag = DagBag(str(Path(appanalytics.__file__).parent / "dags"))
    told = {"errors": {path: str(why) for path, why in bag.import_errors.items()}, "dags": {}}
    for name, dag in bag.dags.items():
        scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        infos = list(_scheduled(scheduled.timetable, first, last))
        told["dags"][name] = {
            "runs": [(info.run_after.isoformat(), info.partition_key) for info in infos],
            "backfill": [info.partition_key for info in scheduled.iter_dagrun_infos_between(first, last)],
            "doc": scheduled.doc_md,
            "active": scheduled.max_active_runs,
            "catchup": scheduled.catchup,
            "tags": sorted(scheduled.tags),
            "tasks": {task.task_id: (task.retries, task.owner) for task in scheduled.tasks},
        }
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
