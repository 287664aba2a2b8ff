"""``python -m appanalytics.jobs.parts.launch FILE``: become the program that a private file describes.

Between supervisord and a part, because supervisord's own settings file has no way to quote every value, and because
a command line can be read by every account of the machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def launch(file: Path) -> None:
    """Replace this process by the program of a part's sheet, in its folder, with its environment added to ours."""
    import os

    sheet = json.loads(file.read_text(encoding="utf-8"))
    os.chdir(sheet["folder"])
    for name, value in sheet["environment"].items():
        os.putenv(name, value)
    os.execvp(sheet["command"][0], sheet["command"])  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    launch(Path(sys.argv[1]))
