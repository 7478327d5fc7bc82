"""Understudy against llama.cpp's own `llama-server`.

    python -m tests.servers.llama_server --tasks 200

The server is built from the llama.cpp source inside the sdist of llama-cpp-python, once (5 to 10
minutes, a C++ compiler); `UNDERSTUDY_LLAMA_SERVER` names one that is there already. The model is
tiny and random (`tiny_gguf.py`): this is about the wire, not about what is said.
"""

import argparse
import asyncio
import json
import math
import os
import shutil
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers.parsing import Form
from tests.servers.relay import Relay, relaying
from tests.servers.runs import Checks, Ended, Kept, fresh, questions, understudy
from tests.servers.workshop import (
    ROOT,
    Unable,
    cache,
    environment,
    free_port,
    must,
    say,
    serving,
)

SDIST = "0.3.36"
"""Of llama-cpp-python: the newest that this was tried with."""
FLAGS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DLLAMA_BUILD_SERVER=ON",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_UI=OFF",  # the pages of the web interface would be fetched
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DBUILD_SHARED_LIBS=OFF",
)
SLOTS = 8
"""Replies that the server works on at once, and the most it makes of one request."""
CONTEXT = 4096
"""Tokens, and so bytes, of one slot."""
SAMPLES = 4
STOPS = ["\n", "zz", "Q:"]
NEUTRAL = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}


def binary() -> Path:
    """The server's program.

    Raises:
        Unable: it can neither be found nor built.
    """
    if given := os.environ.get("UNDERSTUDY_LLAMA_SERVER"):
        if not Path(given).is_file():
            raise Unable(f"UNDERSTUDY_LLAMA_SERVER={given}: expected the program, found no file")
        return Path(given)
    home = cache("llama") / SDIST
    program = home / "llama-server"
    if not program.is_file():
        source = unpack(home)
        built = build(source, target="llama-server")
        shutil.copy2(built / "bin" / "llama-server", home / "copied")
        (home / "copied").rename(program)
        shutil.rmtree(source.parents[1])
    return program


def unpack(home: Path) -> Path:
    """The llama.cpp tree, downloaded and unpacked below `home`, where it is not there yet."""
    source = home / f"llama_cpp_python-{SDIST}"
    if source.is_dir():
        return source / "vendor" / "llama.cpp"
    home.mkdir(parents=True, exist_ok=True)
    python = environment("llama", *TOOLS)
    name = "llama-cpp-python"
    say(f"downloading the sdist of {name} {SDIST}")
    download = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name]
    must([*download, "--dest", str(home), f"{name}=={SDIST}"])
    (archive,) = home.glob("llama_cpp_python-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(home / "part", filter="data")
    (home / "part" / source.name).rename(source)  # whole or not at all
    archive.unlink()
    return source / "vendor" / "llama.cpp"


def build(source: Path, target: str) -> Path:
    """The build folder, with `target` made."""
    python = environment("llama", *TOOLS)
    cmake = shutil.which("cmake") or str(python.with_name("cmake"))
    say(f"building {target} with {os.cpu_count()} jobs; this takes minutes")
    must([cmake, "-S", ".", "-B", "build", *FLAGS], cwd=source)
    jobs = ["-j", str(os.cpu_count() or 1)]
    must([cmake, "--build", "build", "--target", target, *jobs], cwd=source)
    return source / "build"


TOOLS = ("gguf==0.19.0", "numpy>=1.26", "cmake>=3.28,<4", "pip>=24")


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Relay]:
    """The server with the tiny model, behind a relay."""
    model = folder / "tiny.gguf"
    must([str(environment("llama", *TOOLS)), str(ROOT / "tests/servers/tiny_gguf.py"), str(model)])
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(binary()), "--model", str(model), "--alias", "tiny", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--parallel", str(SLOTS), "--threads", "1"]
    command += ["--ctx-size", str(SLOTS * CONTEXT), "--slots"]
    async with serving(command, f"{url}/health", folder / "server.log"), relaying(url) as relay:
        yield relay


@dataclass
class Job:
    """One server under test."""

    relay: Relay
    folder: Path
    checks: Checks
    tasks: int

    async def run(self, name: str, method: str, seeds: Path, *flags: str, **kill: Any) -> Ended:
        """One `understudy run` into the folder `name`; what goes over the wire is counted anew."""
        self.relay.clear()
        return await understudy(
            "run",
            method,
            f"seeds={seeds}",
            f"models.teacher=openai:tiny@{self.relay.url}/v1",
            f"out={self.folder / name}",
            *flags,
            **kill,
        )

    async def consistency(self, name: str, *flags: str, seed: int = 7, **kill: Any) -> Ended:
        """The main run: several draws, stop strings, seed and log-probabilities."""
        return await self.run(
            name,
            "self_consistency",
            self.folder / "questions.jsonl",
            *flags,
            f"samples={SAMPLES}",
            "shots=2",
            "max_tokens=64",
            "vote=normalized",
            f"models.teacher.sampling.seed={seed}",
            f"models.teacher.sampling.stop={json.dumps(STOPS)}",
            **kill,
        )


async def main_run(job: Job) -> Kept:
    """All rows there, and every setting honoured."""
    ended = await job.consistency("first")
    checks, sent = job.checks, job.relay.completions
    checks.check("the run ends well", ended.code == 0, ended.out.strip() or ended.err[-2000:])
    kept = Kept(job.folder / "first")
    checks.note(f"{job.tasks} tasks x {SAMPLES} draws took {ended.seconds:.1f} s")
    whole = kept.rows == len(kept.tasks) == job.tasks and not kept.kinds["failure"]
    checks.check("every task has its row", whole, dict(kept.kinds))
    asked = {exchange.sent.get("n") for exchange in sent}
    once = len(sent) == job.tasks and asked == {SAMPLES}
    checks.check("one request brings all draws", once, f"{len(sent)} requests with n={asked}")
    per_task = {len(drawn) for _, drawn in kept.drawn()}
    checks.check("each task has all its draws", per_task == {SAMPLES}, f"{per_task} a task")
    differ = sum(len({r.text for r in drawn}) > 1 for _, drawn in kept.drawn())
    checks.check("draws of a task differ", differ > 0.95 * job.tasks, f"in {differ} tasks")
    check_replies(job, kept)
    check_samplers(job, ended)
    return kept


def check_replies(job: Job, kept: Kept) -> None:
    """Log-probabilities, stop strings and reasons, token counts."""
    checks, replies = job.checks, [reply for _, _, reply in kept.replies]
    bare = sum(not reply.logprobs for reply in replies)
    values = [token.logprob for reply in replies for token in reply.logprobs or ()]
    finite = all(math.isfinite(value) and value <= 0 for value in values)
    seen = f"{len(values):,} tokens, {bare} replies without"
    checks.check("log-probabilities are there and finite", finite and not bare, seen)
    alternatives = {len(token.top) for reply in replies for token in reply.logprobs or ()}
    seen = f"{alternatives} a token, {kept.journal_bytes / len(replies):,.0f} bytes a reply in all"
    checks.check("not 20 alternatives a token, unasked", max(alternatives) <= 1, seen)
    spelt = sum("".join(t.text for t in r.logprobs or ()).startswith(r.text) for r in replies)
    checks.note(f"in {spelt} of {len(replies)} replies the tokens spell the text")
    left = sum(stop in reply.text for reply in replies for stop in STOPS)
    ended = sum(reply.stop == "end" for reply in replies)
    seen = f"{left} left in {len(replies)} replies, of which {ended} ended before max_tokens"
    checks.check("stop strings end a reply and are not in it", not left and ended > 0, seen)
    reasons = {reply.stop for reply in replies}
    checks.check("every reply says why it ended", reasons <= {"end", "length"}, reasons)
    said = sum(r.usage.tokens_out for r in replies if r.usage)
    checks.note(f"the server counts {said:,} tokens out, its replies have {len(values):,}")


def check_samplers(job: Job, ended: Ended) -> None:
    """The samplers that llama.cpp applies unasked are off, by what was sent."""
    wrong = [
        exchange.sent
        for exchange in job.relay.completions
        if {name: exchange.sent.get(name) for name in NEUTRAL} != NEUTRAL
    ]
    job.checks.check("hidden samplers are off in every request", not wrong, f"{len(wrong)} are not")
    said = ended.err.count("samples with top_k")
    job.checks.check("which is said once", said == 1, f"{said} times")


async def slots(job: Job) -> None:
    """The same, by what the server itself says that it sampled with."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{job.relay.url}/slots") as response,
    ):
        used = [slot["params"] for slot in await response.json() if "params" in slot]
    wanted = {**NEUTRAL, "temperature": 0.7, "n_predict": 64}
    wrong = [
        {name: params[name] for name in wanted}
        for params in used
        if any(abs(params[name] - value) > 1e-6 for name, value in wanted.items())
    ]
    job.checks.check("and the server says so itself", bool(used) and not wrong, wrong or wanted)


async def again(job: Job, first: Kept) -> None:
    """What is finished, wholly or in part, is not asked again; the same seed makes the same data."""
    checks = job.checks
    ended = await job.consistency("first")
    sent = len(job.relay.completions)
    checks.check("a finished run asks nothing", sent == 0 and ended.code == 0, f"{sent} requests")
    tasks = min(job.tasks, 50)
    await job.consistency("whole", *alone(tasks))
    whole = Kept(job.folder / "whole")
    await job.consistency("same", *alone(tasks))
    same = Kept(job.folder / "same")
    equal = same.dataset == whole.dataset and same.rejected == whole.rejected
    seen = f"{alike(whole, same)} of {tasks} tasks have the same replies"
    checks.check("the same seed makes the same data set", equal and bool(whole.dataset), seen)
    seen = f"{alike(whole, first)} of {tasks} tasks as without company and with a prompt cache"
    checks.note(f"the same seed among others, with the server's prompt cache: {seen}")
    await job.consistency("other", *alone(tasks), seed=1_000)
    others = alike(whole, Kept(job.folder / "other"))
    checks.check("another seed makes another", others == 0, f"{others} tasks are the same")

    ended = await job.consistency(
        "killed", *alone(tasks), kill_when=lambda: len(job.relay.completions) > tasks // 2
    )
    before = len(job.relay.completions)
    kept = len({task for task, _, _ in Kept(job.folder / "killed").replies})
    checks.check("killed half-way", ended.code == -9, f"after {before} requests, {kept} kept")
    ended = await job.consistency("killed", *alone(tasks))
    after, killed = len(job.relay.completions), Kept(job.folder / "killed")
    checks.check("it asks for what it lacks", after == tasks - kept, f"{after} more requests")
    equal = killed.dataset == whole.dataset and ended.code == 0
    seen = f"{alike(whole, killed)} of {tasks} tasks have the same replies"
    checks.check("and makes the data set of the run that was not killed", equal, seen)


def alone(tasks: int) -> tuple[str, ...]:
    """Settings under which llama.cpp computes the same digits again: one request at a time and no
    prompt cache. Otherwise sums are rounded as the batch falls, and a seed promises little."""
    return ("concurrency=1", f"max_seeds={tasks}", "models.teacher.extra.cache_prompt=false")


def alike(one: Kept, other: Kept) -> int:
    """Tasks whose replies are the same, word for word."""
    texts = {task: [reply.text for reply in drawn] for task, drawn in other.drawn()}
    return sum([reply.text for reply in drawn] == texts.get(task) for task, drawn in one.drawn())


async def forms(job: Job) -> None:
    """JSON Schema, through `Model.parse`."""
    checks, tasks = job.checks, min(job.tasks, 50)
    seeds, method = questions(job.folder / "forms.jsonl", tasks), "tests/servers/parsing.py:fill_in"
    ended = await job.run("forms", method, seeds, "models.teacher.sampling.seed=3")
    kept, sent = Kept(job.folder / "forms"), job.relay.completions
    valid = [Form.model_validate_json(example.answer) for example in kept.examples]
    seen = f"{len(valid)} of {tasks} forms; {ended.out.strip() or ended.err[-500:]}"
    checks.check("JSON replies keep to their schema", len(valid) == tasks, seen)
    checks.check("with no correction turn", len(sent) == tasks, f"{len(sent)} requests")
    fields = {tuple(form.model_dump_json()) for form in valid}
    checks.check("and differ from task to task", len(fields) > 1, f"{len(fields)} different forms")

    ended = await job.run("cut", method, questions(job.folder / "cut.jsonl", 5), "max_tokens=8")
    kept, sent = Kept(job.folder / "cut"), job.relay.completions
    told = kept.failures[0]["message"] if kept.failures else ""
    unread = [failure["error"] for failure in kept.failures] == ["Unparsable"] * 5
    checks.check("a form cut off by max_tokens is a failure row", unread, told[:200])
    corrected = all(len(exchange.sent["messages"]) in (1, 3, 5) for exchange in sent)
    seen = f"{len(sent)} requests for 5 tasks"
    checks.check("after two correction turns", len(sent) == 15 and corrected, seen)


async def limits(job: Job) -> None:
    """More draws than the server makes at once; a prompt that does not fit."""
    checks, draws = job.checks, SLOTS + 4
    seeds = questions(job.folder / "many.jsonl", 5)
    flags = (f"samples={draws}", "shots=0", "max_tokens=16")
    ended = await job.run("many", "self_consistency", seeds, *flags)
    kept, sent = Kept(job.folder / "many"), job.relay.completions
    refused = sum(exchange.status == 400 for exchange in sent)
    whole = {len(drawn) for _, drawn in kept.drawn()} == {draws} and kept.rows == 5
    seen = f"{len(sent)} requests, {refused} of them refused"
    checks.check(f"{draws} draws from a server that makes {SLOTS} at most", whole, seen)
    said = ended.err.count("one by one")
    checks.check("that they are asked for one by one is said once", said == 1, f"{said} times")

    seeds = questions(job.folder / "long.jsonl", 5, words=CONTEXT)
    await job.run("long", "self_consistency", seeds, "samples=2", "shots=0", "max_tokens=16")
    kept, sent = Kept(job.folder / "long"), job.relay.completions
    errors = [failure["error"] for failure in kept.failures]
    one = errors == ["ContextOverflow"] and kept.rows == 5
    told = kept.failures[0]["message"] if kept.failures else ""
    checks.check("a prompt that does not fit is one failure row", one, told[-250:] or errors)
    tried = sum(exchange.status >= 400 for exchange in sent)
    checks.check("and was sent once", tried == 1 and len(sent) == 5, f"refused {tried} times")


async def doctor(job: Job) -> None:
    """What the doctor says of the server, kept in `doctor.txt`."""
    ended = await understudy("doctor", f"openai:tiny@{job.relay.url}/v1")
    (job.folder / "doctor.txt").write_text(ended.out + ended.err)
    for line in (ended.out + ended.err).splitlines():
        job.checks.note(f"doctor: {line.strip()}")
    works = ("reachable", "n replies", "seed", "stop", "max_tokens", "log-prob", "JSON schema")
    missed = [name for name in works if f"[no]  {name}" in ended.out]
    there = all(name in ended.out for name in works)  # what nonsense happens to be too short for
    seen = missed or "all of it"  # cannot be told, and is no miss
    job.checks.check("the doctor finds what works here", there and not missed, seen)


async def main() -> int:
    """Everything, in order; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--out", type=Path, help="An empty folder for everything that is made.")
    arguments = parser.parse_args()
    folder = fresh("llama", arguments.out)
    checks = Checks("llama-server", folder)
    questions(folder / "questions.jsonl", arguments.tasks)
    async with server(folder) as relay:
        job = Job(relay, folder, checks, arguments.tasks)
        first = await main_run(job)
        await slots(job)
        await again(job, first)
        await forms(job)
        await limits(job)
        await doctor(job)
    return checks.report(f"of llama-cpp-python {SDIST}")


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Unable as error:
        sys.exit(f"cannot run here: {error}")
