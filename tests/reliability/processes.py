"""What these tests are made of: real runs, real servers, and a look into the journal from outside.

Nothing here sleeps to let something happen: it waits for the thing itself, and gives up at a
deadline that is far off, for these tests share their machine.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import IO, Any, Self
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
"""Seconds after which whatever is waited for will not come."""

TROUBLE = re.compile(r"Traceback|never retrieved|never awaited|Warning|Exception ignored")
"""What no user is ever to be shown."""


class Server:
    """A server in a process of its own; use it in a `with`."""

    def __init__(self, *options: str, module: str = "stub", port: int = 0) -> None:
        command = [sys.executable, "-m", f"tests.servers.{module}", "--port", str(port), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, f"{module} did not start"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def model(self) -> str:
        """The setting that binds the teacher to this server."""
        return f"models.teacher.model=openai:stub@{self.url}"

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def control(self, path: str, method: str = "GET", timeout: float = DEADLINE) -> Any:
        """Ask one of the server's own pages. Raises TimeoutError."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def set(self, **settings: float) -> None:
        """Have it behave otherwise from now on."""
        wanted = urlencode(settings)
        self.control(f"/set?{wanted}", "POST")

    def wait(self, timeout: float = DEADLINE, **counts: int | str) -> None:
        """Until so many requests came, or are answered. Raises TimeoutError."""
        wanted = urlencode(counts)
        self.control(f"/wait?{wanted}", timeout=timeout)

    def stats(self) -> dict[str, Any]:
        return self.control("/stats")

    def asked(self) -> Counter[str]:
        """How often each task was asked about."""
        return of_tasks(self.stats()["prompts"])


def of_tasks(prompts: dict[str, int]) -> Counter[str]:
    """Counts by prompt as counts by task, whose id stands in each prompt."""
    counts = Counter[str]()
    for prompt, count in prompts.items():
        if found := re.search(r"task-\d+", prompt):
            counts[found[0]] += count
    return counts


@dataclass
class Ended:
    """How a run's process ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass
class Running:
    """A run's process; its output goes to files, so that it never waits for a reader."""

    process: subprocess.Popen[str]
    out: IO[str]
    err: IO[str]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.process.kill()
        self.process.wait(DEADLINE)
        self.out.close()
        self.err.close()

    def lasts(self, seconds: float) -> bool:
        """Whether it is still there so much later."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def wait_for(self, words: str) -> str:
        """What it said, once these words are among it."""
        end = monotonic() + DEADLINE
        while words not in self.said and monotonic() < end and self.lasts(0.02):
            pass
        assert words in self.said, f"never said {words!r}, but: {self.said}"
        return self.said

    @property
    def said(self) -> str:
        """What it wrote to stderr so far."""
        return os.pread(self.err.fileno(), 1 << 20, 0).decode()

    def end(self, timeout: float = DEADLINE) -> Ended:
        """Wait for the end, which must come in time and without a trace of trouble."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            said = self.said
            self.kill()
            raise AssertionError(f"it hangs: no end after {timeout:g} s\n{said}") from None
        self.out.seek(0)
        ended = Ended(code, self.out.read(), self.said)
        self.out.close()
        self.err.close()
        assert not TROUBLE.search(ended.err), f"it troubles its user:\n{ended}"
        return ended


RUNNING: list[Running] = []
"""What was started, so that a test that fails leaves no process behind."""


@dataclass
class Run:
    """A run folder and the command that fills it: the same one, however often it is given."""

    folder: Path
    """Where the command is started; seeds and recipes lie here."""
    arguments: list[str]

    @property
    def out(self) -> Path:
        return self.folder / "run"

    def start(self, *more: str, **popen: Any) -> Running:
        """The command in a process of its own; `more` settings for this time only."""
        command = [sys.executable, "-W", "always", "-m", "understudy", "run"]
        keep = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
        clean = {name: os.environ[name] for name in keep if name in os.environ}
        out, err = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115
        process = subprocess.Popen(
            [*command, *self.arguments, *more], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, text=True, env=clean | {"HOME": str(self.folder)}, **popen,
        )  # fmt: skip
        running = Running(process, out, err)
        RUNNING.append(running)
        return running

    def end(self, *more: str, timeout: float = DEADLINE, **popen: Any) -> Ended:
        """The command from its start to its end."""
        return self.start(*more, **popen).end(timeout)

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the journal, read as a stranger would; nothing is written or checkpointed."""
        journal = sqlite3.connect(f"{(self.out / 'journal.db').as_uri()}?mode=ro", uri=True)
        try:
            return journal.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the first commit
                return []
            raise
        finally:
            journal.close()

    def committed(self) -> Counter[str]:
        """Replies on disk, by task."""
        if not (self.out / "journal.db").exists():
            return Counter()
        return Counter(row[0] for row in self.read("select task from effects"))

    def rows(self, step: str = "self_consistency") -> list[tuple[str, str, str]]:
        """(task, kind, body) of every row of a step."""
        return self.read(f"select task, kind, body from rows where step = '{step}'")

    def tasks(self, kind: str = "example", step: str = "self_consistency") -> list[str]:
        """The tasks that have a row of this kind, as often as they have one."""
        return sorted(task for task, found, _ in self.rows(step) if found == kind)

    def examples(self) -> list[dict[str, Any]]:
        """What the run exported."""
        lines = (self.out / "data" / "train.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def names(count: int) -> list[str]:
    return [f"task-{i:04}" for i in range(count)]


def question(name: str) -> str:
    return f"How many stones has {name}?"


def seeds(folder: Path, tasks: Iterable[str] | int) -> None:
    """Write `seeds.jsonl`: a question for every name, or the given prompts by name."""
    chosen = names(tasks) if isinstance(tasks, int) else tasks
    lines = (json.dumps({"id": name[:9], "prompt": question(name)}) for name in chosen)
    (folder / "seeds.jsonl").write_text("".join(f"{line}\n" for line in lines))


ASK = ["self_consistency", "seeds=seeds.jsonl", "samples=1", "shots=0", "out=run"]
"""A run with one call per task."""


def one_call_each(folder: Path, server: Server, tasks: Iterable[str] | int, *more: str) -> Run:
    """A run that asks every task once, of a server."""
    seeds(folder, tasks)
    return Run(folder, [*ASK, server.model, *more])


def assert_whole(run: Run, count: int) -> None:
    """Every task has its example, none has two, and each is the answer to its own question."""
    assert run.tasks() == names(count), "in the journal"
    assert sorted(e["id"] for e in run.examples()) == names(count), "in the export"
    for example in run.examples():
        said, answered = (message["content"] for message in example["messages"])
        assert said == question(example["id"])
        assert answered.endswith(".")


def repeated(asked: Counter[str], before: Counter[str], committed: Counter[str]) -> list[str]:
    """Tasks that were asked about again since `before` though their reply was on disk."""
    return sorted(task for task in committed if asked[task] > before[task])


def read_lines(path: Path) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
