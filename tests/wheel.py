"""The installed wheel holds everything: run by `make wheel` in an environment that has no source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import appanalytics

APP = Path(sys.executable).with_name("appanalytics")
#: What is no Python and must be in the wheel all the same, by a pattern under the package.
SHIPPED = (
    "py.typed",
    "catalog/default.yaml",
    "**/sql/*.sql",
    "warehouse/schema/*.sql",
    "dashboards/specs/*.yaml",
    "dags/*.py",
)


def told(*words: str) -> str:
    done = subprocess.run([APP, *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"appanalytics {' '.join(words)}: {done.stderr or done.stdout}"
    return done.stdout


def main() -> None:
    package = Path(str(files(appanalytics)))
    assert "site-packages" in package.parts, f"not the installed one: {package}"
    for pattern in SHIPPED:
        assert list(package.glob(pattern)), f"the wheel lacks {pattern}"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ |= {"HOME": folder, "APPANALYTICS_WAREHOUSE__URL": "chdb://./data/warehouse"}
        assert appanalytics.__version__ in told("--version")
        told("demo", "--users", "400", "--days", "21")
        assert int(told("query", "users", "--format", "csv").splitlines()[1].split(",")[1]) > 100
        told("retention", "--by", "source")
        told("dashboards", "export", "--out", "bundle.zip")
    print(f"the wheel works: {package}")


if __name__ == "__main__":
    main()
