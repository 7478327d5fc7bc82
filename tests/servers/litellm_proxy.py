"""Understudy against the LiteLLM proxy, whose mock models fail on command.

    python -m tests.servers.litellm_proxy --tasks 200

The proxy gets a virtual environment of its own (0.7 GB, once). Its mocks answer with a fixed text,
after a delay, or with 429, 500 and the 400 of a prompt that is too long. That shows what Understudy
makes of a gateway's errors: the row, the number of tries, and that the same command goes on once
the trouble is over. For that a second proxy stands by, in which every model answers.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.relay import Relay, relaying
from tests.servers.runs import Checks, Ended, Kept, fresh, questions, understudy
from tests.servers.workshop import Unable, environment, free_port, serving

VERSION = "1.106.2"
"""The newest that this was tried with."""
KEY = {"LITELLM_KEY_OF_THIS_JOB": "sk-local"}
ANSWER = "Two and two make four. The answer is 4."
RATE, INNER, WINDOW = (
    "litellm.RateLimitError",
    "litellm.InternalServerError",
    "litellm.ContextWindowExceededError",
)
SECONDS = 3
"""A slow model's delay."""
MODELS: dict[str, Sequence[str]] = {
    "plain": [ANSWER],
    "limited": [RATE],
    "broken": [INNER],
    "window": [WINDOW],
    "slow": ["slow"],
    "flaky": [ANSWER, ANSWER, RATE, INNER],  # the proxy picks one at random each time
    "moody": [ANSWER, ANSWER, ANSWER, "slow"],
}


def config(file: Path, *, sound: bool) -> Path:
    """A proxy's settings; with `sound`, those in which every model answers at once."""
    entries = list[dict[str, Any]]()
    for name, replies in MODELS.items():
        for reply in [ANSWER] if sound else replies:
            mock: dict[str, Any] = {"mock_response": reply}
            if reply == "slow":
                mock = {"mock_response": ANSWER, "mock_delay": SECONDS}
            settings = {"model": f"openai/{name}", "api_key": "none", **mock}
            entries.append({"model_name": name, "litellm_params": settings})
    # The proxy's own retries and pauses are off: how often is asked must be up to Understudy.
    router = {"num_retries": 0, "disable_cooldowns": True}
    settings = {"num_retries": 0, "telemetry": False}
    file.write_text(  # JSON is YAML
        json.dumps({"model_list": entries, "router_settings": router, "litellm_settings": settings})
    )
    return file


@asynccontextmanager
async def proxy(folder: Path, *, sound: bool) -> AsyncIterator[str]:
    """Its URL, while it runs."""
    name = "sound" if sound else "faulty"
    program = environment("litellm", f"litellm[proxy]=={VERSION}").with_name("litellm")
    settings, port = config(folder / f"{name}.yaml", sound=sound), free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "LITELLM_MASTER_KEY": KEY["LITELLM_KEY_OF_THIS_JOB"],
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it fetches one
        "LITELLM_TELEMETRY": "False",
    }
    command = [str(program), "--config", str(settings), "--host", "127.0.0.1", "--port", str(port)]
    health, log = f"{url}/health/liveliness", folder / f"{name}.log"
    async with serving(command, health, log, environ=environ, patience=300):
        yield url


@dataclass
class Job:
    """A faulty proxy, one that is sound, and the relay that leads to either."""

    relay: Relay
    faulty: str
    sound: str
    folder: Path
    checks: Checks
    tasks: int

    async def run(
        self, model: str, *flags: str, name: str = "", tasks: int = 8, sound: bool = False
    ) -> tuple[Ended, Kept]:
        """One `understudy run` and what its folder holds after it."""
        self.relay.target = self.sound if sound else self.faulty
        self.relay.clear()
        seeds = self.folder / f"questions-{tasks}.jsonl"
        if not seeds.is_file():
            questions(seeds, tasks)
        folder = self.folder / (name or model)
        ended = await understudy(
            "run",
            "self_consistency",
            f"seeds={seeds}",
            f"models.teacher=openai:{model}@{self.relay.url}/v1",
            f"models.teacher.key_env={next(iter(KEY))}",
            f"out={folder}",
            "samples=3",
            "shots=0",
            *flags,
            environ=KEY,
        )
        return ended, Kept(folder)

    @property
    def statuses(self) -> dict[int, int]:
        """How many requests of the last run were answered with which status; 0: not in time."""
        return dict(Counter(exchange.status for exchange in self.relay.completions))


async def plain(job: Job) -> None:
    """What works: every draw, once."""
    ended, kept = await job.run("plain", tasks=job.tasks)
    whole = kept.kinds["example"] == kept.rows == len(kept.tasks) == job.tasks and not ended.code
    job.checks.check("plain: every task has its row", whole, dict(kept.kinds))
    once = job.statuses == {200: job.tasks} and len(kept.replies) == 3 * job.tasks
    job.checks.check("plain: one request a task brings all draws", once, job.statuses)
    job.checks.note(f"plain: {job.tasks} tasks took {ended.seconds:.1f} s")
    await job.run("plain", tasks=job.tasks)
    job.checks.check("plain: a finished run asks nothing", not job.statuses, job.statuses)


async def refused(job: Job) -> None:
    """What will never work is sent once, and becomes a failure row with the server's words."""
    for model, kind, words in (
        ("window", "ContextOverflow", "context window exceeded"),
        ("no-such-model", "Rejected", "Invalid model name"),
    ):
        ended, kept = await job.run(model)
        rows = [failure["error"] for failure in kept.failures]
        job.checks.check(f"{model}: {kind} rows", rows == [kind] * 8 and kept.rows == 8, rows)
        told = all(words in failure["message"] for failure in kept.failures)
        job.checks.check(f"{model}: with the server's words", told, kept.failures[0]["message"])
        job.checks.check(f"{model}: each sent once", job.statuses == {400: 8}, job.statuses)
        job.checks.check(f"{model}: exit code 1", ended.code == 1, ended.code)


async def broken(job: Job) -> None:
    """500: tried as often as was allowed, then a failure row, and tried anew by the next run."""
    ended, kept = await job.run("broken", "attempts=3")
    rows = [failure["error"] for failure in kept.failures]
    job.checks.check("broken: Unavailable rows", rows == ["Unavailable"] * 8, rows)
    job.checks.check("broken: three tries each", job.statuses == {500: 24}, job.statuses)
    job.checks.check("broken: exit code 1", ended.code == 1, kept.failures[0]["message"])
    ended, kept = await job.run("broken", "attempts=3", sound=True)
    whole = dict(kept.kinds) == {"example": 8} and job.statuses == {200: 8} and not ended.code
    job.checks.check("broken: once repaired, the same command makes all", whole, dict(kept.kinds))


async def limited(job: Job) -> None:
    """429 and nothing else: the run stops after ten times its patience, and can go on."""
    ended, kept = await job.run("limited", "attempts=3", "down_after=1")
    seen = f"code {ended.code} after {ended.seconds:.0f} s, {job.statuses}: {last_line(ended)}"
    job.checks.check("limited: stops, to be continued", ended.code == 3 and not kept.rows, seen)
    job.checks.check("limited: and asks ever more slowly", sum(job.statuses.values()) < 120, seen)
    ended, kept = await job.run("limited", "attempts=3", "down_after=1", sound=True)
    whole = dict(kept.kinds) == {"example": 8} and not ended.code
    job.checks.check("limited: once it serves, the same command goes on", whole, job.statuses)


async def slow(job: Job) -> None:
    """No reply in time."""
    hasty, patient = "models.teacher.timeout=1", f"models.teacher.timeout={SECONDS + 27}"
    ended, kept = await job.run("slow", hasty, "attempts=2", "down_after=3")
    seen = f"code {ended.code} after {ended.seconds:.0f} s, {job.statuses}: {last_line(ended)}"
    job.checks.check("slow: timeouts stop the run", ended.code == 3 and not kept.rows, seen)
    job.checks.check("slow: no reply was waited for", set(job.statuses) == {0}, job.statuses)
    ended, kept = await job.run("slow", patient, "attempts=2")
    whole = dict(kept.kinds) == {"example": 8} and job.statuses == {200: 8} and not ended.code
    job.checks.check("slow: with more time the same run goes on", whole, job.statuses)


async def mixed(job: Job) -> None:
    """Some calls fail, at random: every task gets its row all the same."""
    tasks = min(job.tasks, 60)
    _, kept = await job.run("flaky", "attempts=20", tasks=tasks)
    whole = dict(kept.kinds) == {"example": tasks}
    job.checks.check("flaky: every task has its example", whole, dict(kept.kinds))
    served = job.statuses.get(200) == tasks
    job.checks.check("flaky: none was answered twice", served, job.statuses)
    # Few at once: on a busy machine the others would be too late as well.
    hasty = ("models.teacher.timeout=2.5", "concurrency=8")
    _, kept = await job.run("moody", "attempts=20", *hasty, tasks=tasks)
    whole, late = dict(kept.kinds) == {"example": tasks}, job.statuses.get(0, 0)
    job.checks.check("moody: every task has its example", whole, dict(kept.kinds))
    job.checks.check("moody: who is late is asked again", late > 0, job.statuses)


async def keys(job: Job) -> None:
    """What becomes of a wrong key. Not a rule: without a data base the proxy answers 400."""
    wrong = dict.fromkeys(KEY, "sk-wrong-7391")
    spec = f"openai:plain@{job.relay.url}/v1"
    ended = await understudy("doctor", spec, "--key-env", next(iter(wrong)), environ=wrong)
    job.checks.note(f"wrong key: {ended.out.strip().splitlines()[-1].strip()}")
    said = ended.out + ended.err
    job.checks.check("a key is never shown", "sk-wrong-7391" not in said and ended.code == 1)
    ended = await understudy("doctor", spec)
    job.checks.note(f"no key: {last_line(ended)}")


async def doctor(job: Job) -> None:
    """What the doctor says of the plain model, kept in `doctor.txt`."""
    job.relay.target = job.faulty
    spec = f"openai:plain@{job.relay.url}/v1"
    ended = await understudy("doctor", spec, "--key-env", next(iter(KEY)), environ=KEY)
    (job.folder / "doctor.txt").write_text(ended.out + ended.err)
    for line in (ended.out + ended.err).splitlines():
        job.checks.note(f"doctor: {line.strip()}")
    job.checks.check("the doctor gets through", "[yes] reachable" in ended.out)


def last_line(ended: Ended) -> str:
    """The last thing a process said."""
    return ((ended.err.strip() or ended.out.strip()).splitlines() or [""])[-1][-300:]


async def main() -> int:
    """Everything, in order; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--out", type=Path, help="An empty folder for everything that is made.")
    arguments = parser.parse_args()
    folder = fresh("litellm", arguments.out)
    checks = Checks("LiteLLM proxy", folder)
    async with (
        proxy(folder, sound=False) as faulty,
        proxy(folder, sound=True) as sound,
        relaying(faulty) as relay,
    ):
        job = Job(relay, faulty, sound, folder, checks, arguments.tasks)
        for part in (plain, refused, broken, limited, slow, mixed, keys, doctor):
            await part(job)
    return checks.report(VERSION)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Unable as error:
        sys.exit(f"cannot run here: {error}")
