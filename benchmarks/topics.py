"""Everything that is measured, and the one page that tells it: ``python -m benchmarks [TOPIC…] [--folder FOLDER]``.

Each topic is a command of its own. What it prints is kept in ``results/TOPIC.txt`` with the machine and its time, or
it writes a page of its own; `RESULTS.md` is put together from these. So one topic can be measured again without the
others.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import machine

HERE = Path(__file__).parent
PAGE = HERE / "RESULTS.md"
OUTPUTS = HERE / "results"
#: Stands for the folder of the full demo's warehouse in a topic's command.
FOLDER = "FOLDER"


@dataclass(frozen=True)
class Topic:
    """A question, the module that answers it and its arguments.

    ``page`` is Markdown that it writes itself; ``notes`` a page that people wrote about what it prints.
    """

    name: str
    question: str
    command: tuple[str, ...]
    page: str = ""
    notes: str = ""
    minutes: float = 20

    @property
    def output(self) -> Path:
        """Where its answer is kept."""
        return HERE / self.page if self.page else OUTPUTS / f"{self.name}.txt"

    def run(self, folder: Path) -> bool:
        """Measure; False where it failed, and then what was kept stays."""
        words = [word.replace(FOLDER, str(folder)) for word in self.command]
        print(f"\n=== {self.name}: python -m {' '.join(words)}", flush=True)
        began, lines = time.monotonic(), []
        with subprocess.Popen(
            [sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=HERE.parent
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                print(line, end="", flush=True)
                lines.append(line)
                if time.monotonic() - began > 60 * self.minutes:
                    running.kill()
        if running.returncode:
            print(f"{self.name} failed with code {running.returncode}; what was kept of it stays", file=sys.stderr)
            return False
        if not self.page:
            head = f"{' '.join(self.command)}\n{machine()}; {time.monotonic() - began:.0f} s\n"
            OUTPUTS.mkdir(exist_ok=True)
            self.output.write_text("\n".join([head, "".join(lines).rstrip(), ""]), encoding="utf-8")
        return True


TOPICS = (
    Topic("warehouse", "Making the warehouse, its bytes, rollups against events, dashboards, files",
          ("benchmarks.foundation", FOLDER), page="WAREHOUSE.md", minutes=30),
    Topic("growth", "What ten times the events, and ten times the users, cost", ("benchmarks.growth", FOLDER),
          page="GROWTH.md", minutes=40),
    Topic("server", "What HTTP costs over the embedded engine", ("benchmarks.server",)),
    Topic("streams", "Twenty million rows in every format", ("benchmarks.server", "streams")),
    Topic("fuzz", "Mutated requests", ("benchmarks.server", "fuzz", "100000"), minutes=40),
    Topic("collector", "What the collector takes", ("benchmarks.collector", "20"), page="COLLECTOR.md", minutes=30),
    Topic("memory", "The collector's memory in ten minutes at full rate", ("benchmarks.collector", "memory", "10")),
    Topic("crashes", "kill -9 under four writers", ("benchmarks.crashes",), page="CRASHES.md", minutes=30),
    Topic("retention", "Does the difference of two groups find the truth?",
          ("benchmarks.retention", "truth", "--seeds", "20"), minutes=30),
    Topic("coverage", "Do its intervals hold what they promise?", ("benchmarks.retention_coverage",), minutes=30),
    Topic("analyses", "Retention and audience at full scale", ("benchmarks.retention", "speed", f"chdb://{FOLDER}")),
    Topic("investigate", "The demo's story, found against its truth", ("benchmarks.investigate", FOLDER)),
    Topic("segments", "Which segments explain a change", ("benchmarks.segments",), minutes=30),
    Topic("experiments", "Do methods keep their promise? How fast are they beside their peers?",
          ("benchmarks.experiments", FOLDER, "--peers"), page="EXPERIMENTS.md", minutes=40),
    Topic("anomalies", "Detectors against the truth", ("benchmarks.anomalies",),
          notes="ANOMALIES.md", minutes=40),
    Topic("tick", "A tick at full scale", ("benchmarks.anomalies_tick", f"chdb://{FOLDER}")),
    Topic("soak", "A day of the live app in 24 minutes", ("benchmarks.soak",), minutes=45),
    Topic("story", "The demo replayed: which incidents are told, and when",
          ("benchmarks.anomalies_demo", f"chdb://{FOLDER}")),
    Topic("delivery", "10,000 messages, faults and 50 kills", ("benchmarks.delivery",),
          page="DELIVERY.md", minutes=40),
)  # fmt: skip


def assemble() -> str:
    """The page: what there is of each topic, in their order."""
    return (
        "\n".join([_HEAD, *_contents(), "", *(part for topic in TOPICS for part in _section(topic))]).rstrip() + "\n"
    )


_HEAD = """\
# Results

Put together by `make bench`. Ratios are taken side by side in one run; CPU is that of the whole process, so that a
busy machine changes it little. Each part says how and where it was measured; `python -m benchmarks TOPIC` measures it
again.
"""


def _contents() -> Iterator[str]:
    for topic in TOPICS:
        if topic.output.exists() or topic.notes:
            yield f"- [{topic.question}](#{topic.name})"
        else:
            yield f"- {topic.question}: not measured yet (`python -m benchmarks {topic.name}`)"


def _section(topic: Topic) -> Iterator[str]:
    if not topic.output.exists() and not topic.notes:
        return
    yield f'<a id="{topic.name}"></a>'
    yield f"## {topic.question}"
    yield ""
    for page in (topic.notes, topic.page):
        if page and (HERE / page).exists():
            lines = (HERE / page).read_text(encoding="utf-8").strip().splitlines()[1:]  # without its title
            yield "\n".join(f"#{line}" if line.startswith("## ") else line for line in lines).strip()
            yield ""
    if not topic.page and topic.output.exists():
        head, _, rest = topic.output.read_text(encoding="utf-8").strip().partition("\n\n")
        command, _, place = head.partition("\n")
        yield f"`python -m {command}`, {place}."
        yield ""
        yield f"```text\n{rest}\n```"
        yield ""


def chosen(names: Sequence[str]) -> list[Topic]:
    """The topics of these names; all unless given. Raises `SystemExit` for an unknown one."""
    known = {topic.name: topic for topic in TOPICS}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no topic {unknown[0]!r}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(TOPICS)
