"""Real `understudy` processes, what their run folders hold, and a list of checks on both."""

import asyncio
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.servers.workshop import ROOT, cache, say
from understudy.runs.reader import Run
from understudy.types import Reply


class Ended(NamedTuple):
    """A process that has ended."""

    code: int
    out: str
    err: str
    seconds: float


async def understudy(
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    kill_when: Callable[[], bool] = lambda: False,
    patience: float = 900,
) -> Ended:
    """`understudy` with these arguments, as a process of its own; killed (SIGKILL) as soon as
    `kill_when` is true. `patience` in seconds."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("understudy")),
        *arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
    )
    output = asyncio.ensure_future(process.communicate())
    try:
        while not output.done():
            await asyncio.wait([output], timeout=0.02)
            if kill_when() or loop.time() - started > patience:
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
                break
        out, err = await output
    finally:
        if process.returncode is None:
            process.kill()
    code = process.returncode
    assert code is not None
    return Ended(code, out.decode(), err.decode(), loop.time() - started)


class Kept:
    """What a run folder holds."""

    def __init__(self, folder: Path) -> None:
        run = Run(folder)
        self.kinds = Counter[str]()
        for label in run.labels:
            for (kind, _), n in run.records.counts().get(label, Counter()).items():
                self.kinds[kind] += n
        self.examples = list(run.examples())
        self.failures = list(run.failures())
        self.tasks = {
            row.task
            for label in run.labels
            for row in run.records.rows(label, "example", "rejection", "failure")
        }
        self.replies = [
            (call.task, call.draw, msgspec.json.decode(call.reply, type=Reply))
            for call in run.records.calls()
        ]
        self.dataset = _bytes(folder / "data" / "train.jsonl")
        self.rejected = _bytes(folder / "rejected.jsonl")
        self.journal_bytes = (folder / "journal.db").stat().st_size

    @property
    def rows(self) -> int:
        """Examples, rejections and failures."""
        return sum(self.kinds[kind] for kind in ("example", "rejection", "failure"))

    def drawn(self) -> Iterator[tuple[str, list[Reply]]]:
        """The replies of each task, in the order drawn."""
        by_task = dict[str, list[tuple[int, Reply]]]()
        for task, draw, reply in self.replies:
            by_task.setdefault(task, []).append((draw, reply))
        for task, drawn in by_task.items():
            yield task, [reply for _, reply in sorted(drawn, key=lambda pair: pair[0])]


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


@dataclass
class Checks:
    """Findings, each printed as it comes and kept in `results.txt` of the folder."""

    server: str
    folder: Path
    failed: int = 0
    lines: list[str] = field(default_factory=list[str])

    def check(self, rule: str, holds: bool, seen: object = "") -> None:
        """A rule that must hold, and what was seen."""
        self.failed += not holds
        self.note(f"{'ok  ' if holds else 'FAIL'} {rule}" + (f": {seen}" if seen != "" else ""))

    def note(self, line: str) -> None:
        """What is worth knowing and no rule of ours."""
        line = " ".join(line.split())  # servers' words come in several lines
        self.lines.append(line)
        say(f"  {line}")

    def report(self, version: str) -> int:
        """Write all down; the exit code."""
        head = (
            f"{self.server} {version}, {datetime.now(UTC):%Y-%m-%d}, {platform.platform()}, "
            f"Python {platform.python_version()}, {os.cpu_count()} cores"
        )
        text = "\n".join(
            [head, *self.lines, f"{self.failed} of {len(self.lines)} lines failed", ""]
        )
        (self.folder / "results.txt").write_text(text)
        say(f"{head}: {self.failed or 'nothing'} failed; written to {self.folder}")
        return 1 if self.failed else 0


def fresh(server: str, out: Path | None) -> Path:
    """An empty folder for what a job leaves: run folders, logs, the doctor's output."""
    folder = out or cache(server) / "last"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def questions(file: Path, tasks: int, words: int = 0) -> Path:
    """A file of so many word problems; `words` makes the last one too long by that many words."""
    with file.open("w") as lines:
        for i in range(tasks):
            prompt = (
                f"Ann has {i % 17 + 2} pens and buys {i % 5 + 1} boxes of {i % 7 + 3}. How many?"
            )
            if words and i == tasks - 1:
                prompt += " Count again." * (words // 2)
            row: dict[str, Any] = {
                "id": f"q{i:04}",
                "prompt": prompt,
                "reference": str(i % 17 + 2 + (i % 5 + 1) * (i % 7 + 3)),
            }
            lines.write(json.dumps(row) + "\n")
    return file
