"""Understudy against `transformers serve`, which accepts most settings and ignores them.

    python -m tests.servers.transformers_serve --tasks 60

The server gets a virtual environment of its own with PyTorch (1.5 GB for the CPU, once). On Linux
PyPI holds the build for CUDA, which is several times as large; to get the other:

    UNDERSTUDY_SERVERS_PIP="--extra-index-url https://download.pytorch.org/whl/cpu \
        --index-strategy unsafe-best-match"

(the second argument where `uv` installs). The model is tiny and random, as in `llama_server.py`.
What the server passes over must be made up for where it can be, be an honest failure where it
cannot, and be said once.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.parsing import Form
from tests.servers.relay import Relay, relaying
from tests.servers.runs import Checks, Ended, Kept, fresh, questions, understudy
from tests.servers.workshop import ROOT, Unable, environment, free_port, must, serving

VERSION, TORCH = "5.23.0", "2.13.0"
"""The newest that this was tried with."""
STOPS = ["\n", "zz", "Q:"]


@asynccontextmanager
async def server(model: Path, log: Path) -> AsyncIterator[Relay]:
    """The server with the tiny model, behind a relay."""
    python = environment("transformers", f"transformers[serving]=={VERSION}", f"torch=={TORCH}")
    must([str(python), str(ROOT / "tests/servers/tiny_folder.py"), str(model)])
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(python.with_name("transformers")), "serve", str(model), "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environ = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    async with (
        serving(command, f"{url}/health", log, environ=environ, patience=300),
        relaying(url) as relay,
    ):
        yield relay


@dataclass
class Job:
    """One server under test."""

    relay: Relay
    model: Path
    folder: Path
    checks: Checks

    async def run(
        self, name: str, tasks: int, *flags: str, method: str = "self_consistency"
    ) -> tuple[Ended, Kept]:
        """One `understudy run` into the folder `name`, and what it holds."""
        self.relay.clear()
        ended = await understudy(
            "run",
            method,
            f"seeds={questions(self.folder / f'{name}.jsonl', tasks)}",
            f"models.teacher=openai:{self.model}@{self.relay.url}/v1",
            f"out={self.folder / name}",
            *flags,
        )
        return ended, Kept(self.folder / name)


SHORT = ("samples=3", "shots=0", "max_tokens=48")


async def draws(job: Job, tasks: int) -> None:
    """`n` is passed over: one request a draw."""
    stops = f"models.teacher.sampling.stop={json.dumps(STOPS)}"
    flags = (*SHORT, "models.teacher.sampling.seed=7", stops)
    ended, kept = await job.run("draws", tasks, *flags)
    checks, sent = job.checks, job.relay.completions
    whole = kept.rows == len(kept.tasks) == tasks and not kept.kinds["failure"] and not ended.code
    checks.check("every task has its row", whole, dict(kept.kinds) or ended.err[-2000:])
    checks.note(f"{tasks} tasks x 3 draws took {ended.seconds:.1f} s")
    drawn = {len(replies) for _, replies in kept.drawn()}
    checks.check("each task has all its draws", drawn == {3}, f"{drawn} a task")
    answered = sum(exchange.status == 200 for exchange in sent)
    seen = f"{len(sent)} requests, {answered} answered"
    checks.check("from one request each", answered == 3 * tasks == len(sent), seen)
    said = ended.err.count("one by one")
    checks.check("which is said once", said == 1, f"{said} times")
    differ = sum(len({r.text for r in replies}) == 3 for _, replies in kept.drawn())
    seen = f"all three in {differ} of {tasks} tasks"  # two may end at once, and both be empty
    checks.check("draws of a task differ", differ > 0.8 * tasks, seen)
    left = sum(stop in reply.text for _, _, reply in kept.replies for stop in STOPS)
    ends = sum(reply.stop == "end" for _, _, reply in kept.replies)
    checks.check("no stop string is in a text", not left, f"{left}; {ends} ended before max_tokens")
    fields = {field for exchange in sent for field in exchange.sent}
    unknown = fields & {"top_k", "min_p", "repeat_penalty"}
    checks.check("nothing is sent that only llama.cpp knows", not unknown, sorted(fields))
    await job.run("draws", tasks, *flags)
    asked = len(job.relay.completions)
    checks.check("a finished run asks nothing", asked == 0, f"{asked} requests")


async def logprobs(job: Job) -> None:
    """Log-probabilities are passed over: nothing can stand in for them in a weighted vote."""
    ended, kept = await job.run("weighted", 5, *SHORT, "vote=normalized")
    told = [failure["message"] for failure in kept.failures]
    honest = len(told) == kept.rows == 5 and all("vote=count" in message for message in told)
    seen = told[0] if told else dict(kept.kinds)
    job.checks.check("no log-probabilities: a failure row that says what to do", honest, seen)
    said = ended.err.count("gives no log-probabilities")
    job.checks.check("which is said once", said == 1, f"{said} times")


async def forms(job: Job) -> None:
    """A schema is passed over: it is sent in words, and what comes is checked all the same."""
    method = "tests/servers/parsing.py:fill_in"
    ended, kept = await job.run("forms", 5, "max_tokens=48", method=method)
    for example in kept.examples:
        Form.model_validate_json(example.answer)
    checks, sent = job.checks, job.relay.completions
    errors = {failure["error"] for failure in kept.failures}
    honest = kept.rows == 5 and errors <= {"Unparsable"}
    checks.check("no schema: nonsense is a failure row, not an example", honest, dict(kept.kinds))
    words = sum("JSON Schema" in json.dumps(exchange.sent["messages"]) for exchange in sent)
    seen = f"in {words} of {len(sent)} requests"
    checks.check("the schema is sent in words", 0 < words <= len(sent), seen)
    said = ended.err.count("ignores the JSON Schema")
    checks.check("which is said once", said == 1, f"{said} times")


async def doctor(job: Job) -> None:
    """What the doctor says of the server, kept in `doctor.txt`."""
    ended = await understudy("doctor", f"openai:{job.model}@{job.relay.url}/v1")
    (job.folder / "doctor.txt").write_text(ended.out + ended.err)
    for line in (ended.out + ended.err).splitlines():
        job.checks.note(f"doctor: {line.strip()}")
    lacks = ("n replies at once", "log-probabilities", "JSON schema")
    missed = [name for name in lacks if f"[no]  {name}" not in ended.out]
    job.checks.check("the doctor finds what is missing here", not missed, missed or "all of it")


async def main() -> int:
    """Everything, in order; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--out", type=Path, help="An empty folder for everything that is made.")
    arguments = parser.parse_args()
    folder = fresh("transformers", arguments.out)
    checks, model = Checks("transformers serve", folder), folder / "tiny"
    async with server(model, folder / "server.log") as relay:
        job = Job(relay, model, folder, checks)
        await draws(job, arguments.tasks)
        for part in (logprobs, forms, doctor):
            await part(job)
    return checks.report(f"{VERSION}, torch {TORCH}")


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Unable as error:
        sys.exit(f"cannot run here: {error}")
