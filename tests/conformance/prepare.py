"""Make a checkout of a client ready for its own tests, as its project says; what is there already is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_MINUTES = 20
#: Beside what the project asks for: a limit of time for each test, NumPy without a pin that is too old for the newest
#: pyarrow, and a pandas that takes a Timestamp's zone by position, as its tests give it.
_ALSO = ["pytest-timeout", "numpy", "pandas<3"]
#: Its tools that its tests do not use, and the two pins.
_LEFT_OUT = ("mypy", "numpy", "pandas", "pre-commit", "ruff")


def prepare_python(suite: Path) -> Path:
    """A virtual environment in the checkout with the test requirements and the client; returns its Python."""
    given = os.environ.get("CONFORMANCE_PYTHON")
    if given:
        return Path(given)
    python = suite / ".venv" / "bin" / "python"
    done = suite / ".venv" / ".prepared"
    if not done.exists():
        print(f"preparing {suite} …", flush=True)
        wanted = (suite / "tests" / "test_requirements.txt").read_text().splitlines()
        wanted = [line for line in wanted if line.strip() and not line.startswith(_LEFT_OUT)]
        own = suite / ".venv" / "requirements.txt"
        _run([sys.executable, "-m", "venv", "--clear", str(suite / ".venv")], suite)
        own.write_text("\n".join([*wanted, *_ALSO]))
        install = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python)]
        _run([*install, "-r", str(own)], suite)
        _run([*install, "--no-deps", "--editable", "."], suite)  # compiles a part, and makes its dialect known
        done.touch()
    return python


def prepare_node(suite: Path) -> None:
    """The packages that the project's lock names, without scripts of packages."""
    done = suite / "node_modules" / ".prepared"
    if not done.exists():
        print(f"preparing {suite} …", flush=True)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], suite)
        _run(["npm", "run", "--silent", "postinstall"], suite)
        done.touch()


def _run(words: list[str], suite: Path) -> None:
    """Run a step; its output shows when it fails."""
    try:
        ended = subprocess.run(
            words,
            cwd=suite,
            timeout=_MINUTES * 60,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise SystemExit(f"{words[0]} is not installed; the suite in {suite} needs it") from None
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{' '.join(words)} took more than {_MINUTES} minutes") from None
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{ended.stdout[-4000:]}")
