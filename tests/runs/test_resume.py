"""Every method, killed at every call: the resumed run equals the run that was never killed, and no
reply that was on disk is asked for again.

A new method is tested as soon as it is registered. Where its defaults make too many calls, or some
setting changes which calls it makes, it has entries in `CONFIGS`; where `babble` does not speak its
language, teach it there.
"""

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from harness import Bench, defined, step

import understudy.call.replay
import understudy.call.stack
from understudy.call.model import Model, gather
from understudy.handles.embedder import Embedder, Embedding
from understudy.handles.hashing import embed_by_hash
from understudy.handles.memo import Memo
from understudy.handles.sandbox import settings_of
from understudy.journal.keys import canonical, effect_key
from understudy.journal.read import Records
from understudy.journal.rows import Row
from understudy.methods import methods
from understudy.providers.negotiate import Features
from understudy.providers.scripted import Scripted
from understudy.runs.step import BoundStep
from understudy.sandbox.protocol import Execution, Outcome, TestResult
from understudy.types import (
    Call,
    Canonical,
    Example,
    Rejection,
    Reply,
    Sampling,
    Settings,
    Task,
    Token,
    Verdict,
    user,
)

CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "self_consistency": {
        "count": {"samples": 3},
        "keep=all": {
            "samples": 4, "keep": "all", "distinct": True,
            "formats": ["path", "few_shot_path", "few_shot_answer", "trigger_path", "answer"],
        },
        "adaptive": {"samples": 6, "adaptive": True},
        "zero-shot": {"samples": 2, "shots": 0},
        "probability": {"samples": 3, "vote": "probability"},
        "normalized": {"samples": 3, "vote": "normalized"},
        "verifier": {"samples": 3, "vote": "verifier"},
        "adaptive verifier": {"samples": 3, "vote": "verifier", "adaptive": True},
    },
    "universal_self_consistency": {"eight texts": {"samples": 3}},
    "self_refine": {
        "text": {"rounds": 3},
        "structured": {"rounds": 2, "feedback": "structured", "patience": 1},
        "compare": {"rounds": 3, "compare": True},
        "tests": {"rounds": 2, "source": "tests"},
        "judge": {"rounds": 2, "source": "judge", "keep": "steps", "verdict": False},
        "oracle": {"rounds": 3, "source": "verifier", "keep": "pairs"},
        "preset": {"preset": "dialogue", "rounds": 2, "threshold": 0.7},
    },
    "self_debug": {
        "unit tests": {
            "max_turns": 2, "accept": "all", "keep": ["solution", "repair", "preference"],
        },
        "told and explained": {"max_turns": 2, "feedback": "unit_test_explanation", "shots": 1},
        "told and traced": {"max_turns": 2, "feedback": "unit_test_trace", "history": 1},
        "its own verdict": {
            "max_turns": 2, "feedback": "explanation", "keep": ["critique", "solution"],
        },
        "real traces": {"max_turns": 2, "feedback": "execution_trace"},
        "samples": {"max_turns": 1, "samples": 3, "resample": True, "accept": "all"},
    },
    "self_align": {
        "chat": {"style": "chat"},
        "brief": {"style": "brief"},
        "reference": {"style": "reference", "min_characters": 0},
        "trace": {"thought": "trace"},
    },
    "topic_guided_red_teaming": {
        style: {
            "style": style, "topics": 4, "epochs": 2, "batch": 2, "questions": 2, "pass_on": False,
            "red_team": [
                {"type": f"Questions about {what}", "topic": what.title(), "question": f"Why {what}?"}
                for what in ("tides", "trains")
            ],
        }
        for style in ("chat", "reference")
    },
    "verbose_cloning": {"chat": {}, "reference": {"style": "reference"}},
    "self_instruct": {
        "chat": {"n": 6, "batch": 2, "ahead": 3},
        "one batch at a time": {"n": 5, "batch": 2, "ahead": 1},
        "reference": {"style": "reference", "n": 4, "batch": 2, "ahead": 3},
        "alpaca": {"style": "alpaca", "n": 4, "batch": 2, "ahead": 3},
        "audit": {"n": 3, "batch": 2, "ahead": 2, "audit": "require", "detail": True},
        "exhausted": {"n": 99, "batch": 2, "ahead": 3, "patience": 2, "similarity": 0.2},
    },
}  # fmt: skip
"""Settings by method and by what they change about its calls."""

TASKS = (
    Task(
        id="t0", prompt="What is 3 + 4?", reference="7", tests=("assert f(3) == 7", "assert f(0)")
    ),
    Task(
        id="t1", prompt="What is 3 + 4?"
    ),  # the same question: only the task's id tells them apart
    Task(id="t2", prompt="What is 30 + 40?", tests=("assert f(30) == 70",)),
)


class Killed(BaseException):
    """Like SIGKILL, nobody catches it."""


def thoughtful(call: Call, digest: str) -> str:
    """A thought, the principle that it cites, and an answer."""
    answer = f"Answer {digest[:6]} it is."
    thought = "I am a helpful, ethical, and reliable assistant. I follow rule 2 (informative)."
    return f"{thought}\n\nWatson: {answer}"


def inventive(call: Call, digest: str) -> str:
    """Topics; or a question for each line that asks for one."""
    prompt = call.request.prompt or call.request.messages[-1].text
    if "Instructions:" not in prompt:
        return "\n".join(f"{i}. Topic {digest[i : i + 3]}" for i in range(2, 5))
    hints = re.findall(r"^\d+\. type: .*$", prompt, re.MULTILINE)
    lines = [hint for hint in hints if "instruction: " not in hint][2:]
    asked = [f"{hint}, instruction: Why {digest[i:][:9]}?" for i, hint in enumerate(lines)]
    return "\n".join([*asked, "cut"])


def instructive(call: Call, digest: str) -> str:
    """New tasks, some of them like each other; whether one is classification; instances; a verdict."""
    prompt = call.request.prompt or call.request.messages[-1].text
    pick = int(digest[:4], 16)
    if "three questions" in prompt:
        return f"1. Yes\n2. {'No' if pick % 4 == 0 else 'Yes'}\n3. Yes"
    if "###" in prompt:
        tasks = [f"Describe {digest[i:][:3]} {digest[i:][3:6]} in words {i}" for i in range(3)]
        blocks = [
            f"{t}\n2. Input:\n{digest[:5]}\n2. Output:\n{i}\n###" for i, t in enumerate(tasks)
        ]
        return "\n3. Instruction: ".join(blocks)
    if prompt.endswith("Is it classification?"):
        return " Yes" if pick % 3 == 0 else " No"
    if "Come up with a series" in prompt:
        words = [digest[i : i + 1 + pick % 2] for i in range(20)]
        return "\n10. ".join([" ".join(words[i : i + 5]) for i in (0, 5, 6)])
    if pick % 5 == 0:
        return "nothing of use"
    if "Class label" in prompt:
        return f"Class label: a\nText: {digest[:3]}\nClass label: b\nText: {digest[3:6]}"
    return f"Example 1\nInput: {digest[:3]}\nOutput: {digest[3:6]}\nExample 2\nInput: x\nOutput: y"


def programming(call: Call, digest: str) -> str:
    """A verdict, an explanation, or one of some programs."""
    prompt, pick = call.request.messages[-1].text, int(digest[:4], 16)
    if "Does the code" in prompt:
        return f"The code above is {'right' if pick % 2 else 'wrong'}."
    if "line by line" in prompt:
        return f"Line 1: x = {digest[:4]}"
    return f"```python\ndef f(x):\n    return {pick % 16}\n```"


def critical(call: Call, digest: str) -> str:
    """A complaint or none, which answer is better, or one of two answers."""
    prompt, pick = call.request.messages[-1].text, int(digest[:4], 16)
    if "Which answer" in prompt:
        return f"Verdict: {'AB'[pick % 2]}"
    if call.role == "critic":
        return f"Step {pick} is wrong." if pick % 4 else "NO COMPLAINT"
    return f"Thought {digest[:6]}. The answer is {6 + pick % 2}."


SPEECH: dict[str, Callable[[Call, str], str]] = {
    "self_debug": programming,
    "self_align": thoughtful,
    "self_instruct": instructive,
    "self_refine": critical,
    "topic_guided_red_teaming": inventive,
}
"""What `babble` says to a method that reads more than an answer: made of the call and its digest."""


def babble(call: Call) -> Reply | None:
    """None where an instance of the request's schema will do. Else a reply that depends on all that a
    key is to be made of, as a seeded sampler's would; it says something in every form that a method
    may look for."""
    request = msgspec.json.encode(call.request)
    name = repr((call.step, call.task, call.scope, call.role, call.draw, request)).encode()
    digest = hashlib.sha256(name).hexdigest()
    pick = int(digest[:4], 16)
    if call.request.schema is not None:
        return None
    if call.step in SPEECH:
        return Reply(text=SPEECH[call.step](call, digest))
    text = (
        f"The most consistent response is Response {pick % 2}. Thought {digest[:6]}. "
        f"The answer is {pick % 4}."
    )
    logprobs = None
    if call.request.logprobs is not None:
        p = (pick % 9 + 1) / 10
        top = (("A", math.log(p)), ("B", math.log(1 - p)))
        logprobs = tuple(Token(word, -p, top) for word in text.split())
    return Reply(text=text, logprobs=logprobs)


# Methods of the test's own: loops, branches, roles, pools.


class ProbeConfig(Settings):
    rounds: int = 2


async def probe(task: Task, pro: Model, con: Model, config: ProbeConfig) -> Example | Rejection:
    """Every part of the key matters here: draws, roles, sampling, and the same question twice."""
    said = [await pro.ask("Open."), await con.ask("Open.")]
    said += [reply.text for reply in await pro.sample(task.prompt, 2, Sampling(temperature=0.5))]
    for _ in range(config.rounds):
        said.append(await pro.ask("Again."))
        said.append(await pro.ask("Again.", Sampling(temperature=0.9)))
    if said[-1][-2] == "9":
        return Rejection(reason="no luck")
    return task.example("\n".join(said))


async def several(task: Task, writer: Model) -> list[Example]:
    """As many examples as the first reply says."""
    n = int((await writer.ask(task.question))[-2]) % 3
    texts = await gather(writer.ask(f"Write part {i} of {task.question}") for i in range(n + 1))
    return [task.example(text) for text in texts]


async def refine(task: Task, critic: Model) -> Example:
    """A loop that ends when the critic likes it, after the last digit it gave."""
    answer = str(task.meta.get("answer", ""))
    for turn in range(3):
        verdict = await critic.ask(f"{turn}: {answer}")
        answer = f"{answer[:40]} {verdict}"
        if verdict[-2] in "02":
            break
    return task.example(answer)


def even(example: Example) -> Verdict:
    return Verdict(len(example.answer) % 5 != 0, "odd")


class GrowConfig(Settings):
    n: int = 5


async def grow(
    tasks: Sequence[Task], teacher: Model, rng: Random, config: GrowConfig
) -> AsyncIterator[Example | Rejection]:
    """A pool that is grown from itself, two at a time."""
    pool = [task.question for task in tasks]
    made = 0
    while made < config.n:
        prompts = [" / ".join(rng.sample(pool, 2)) for _ in range(2)]
        for text in await gather(teacher.ask(prompt) for prompt in prompts):
            if "0." in text:
                yield Rejection(reason="zero")
            pool.append(text)
            made += 1
            yield Example(messages=(user(text),))


class TalkConfig(Settings):
    ticks: int = 3


async def talk(tasks: Sequence[Task], teacher: Model, config: TalkConfig) -> AsyncIterator[Example]:
    """Two agents that say the same things at the same time, each to itself."""

    async def agent(name: str, rests: int) -> str:
        words = list[str]()
        model = teacher.within(name)
        for tick in range(config.ticks):
            for _ in range(rests):
                await asyncio.sleep(0)
            words.append(await model.ask("What do you do now?"))
            if tick % 2:
                words.append(await teacher.within(name).within("mind").ask("What do you think?"))
        return " ".join(words)

    for name, text in zip(
        ("ann", "bob"), await gather([agent("ann", 5), agent("bob", 0)]), strict=True
    ):
        yield Example(id=name, messages=(user(text),))


async def compare(task: Task, teacher: Model, embedder: Embedder) -> Example:
    """As often as its answers are alike."""
    first = f"{task.id} {await teacher.ask(task.question)}"
    for turn in range(3):
        second = f"{task.id} {await teacher.ask(task.question)}"
        vectors = await embedder.embed([first, second, f"{task.id} {task.question}"])
        if vectors[0] @ vectors[1] < 0.5:
            break
        first = f"{second} {turn}"
    return task.example(f"{first} {vectors.sum():.6f}")


async def live(tasks: Sequence[Task], teacher: Model, memo: Memo) -> AsyncIterator[Example]:
    """A world that is kept at every second tick."""
    world: dict[str, Any] = {"tick": 0, "log": []}

    async def two_ticks() -> dict[str, Any]:
        log = list(world["log"])
        for _ in range(2):
            log.append(await teacher.ask(f"{len(log)} happened. And then?"))
        return {"tick": world["tick"] + 2, "log": log}

    for tick in range(0, 6, 2):
        world = await memo(f"tick {tick}", two_ticks)
        yield Example(id=f"tick {tick}", messages=(user(" ".join(world["log"])),))


# The contract

Asked = tuple[str, str, str, str, int, bytes]
"""Step, task, worker, role, draw and digest of the request."""


@dataclass(frozen=True)
class Case:
    steps: Callable[[Model], list[BoundStep]]
    features: Features


def named(call: Call) -> Asked:
    """A draw, by all that it is to be found again by."""
    hash = canonical(call.request).hash
    return call.step, call.task, call.scope, call.role, call.draw, hash


def ran(step: str, task: str, program: dict[str, Any]) -> bytes:
    """A program and for whom it is run."""
    return msgspec.json.encode([step, task, program], order="sorted")


async def judge(execution: Execution) -> Outcome:
    """What a program comes to, made of what it is, as a sandbox's answer would be."""
    program = execution.program
    name = repr((execution.step, execution.task, msgspec.json.encode(program))).encode()
    digest = hashlib.sha256(name).hexdigest()
    passed = [int(c, 16) % 3 > 0 for c in digest[: len(program.tests)]]
    return Outcome(
        status="passed" if all(passed) else "failed",
        tests=tuple(
            TestResult(test, ok, digest[:2], "2")
            for test, ok in zip(program.tests, passed, strict=True)
        ),
        values=tuple(digest[i] for i, _ in enumerate(program.calls)),
        raised=tuple(False for _ in program.calls),
        trace=f"Line 2: x = {digest[:3]}" if program.trace else "",
    )


@dataclass(frozen=True)
class Left:
    """What a session left behind."""

    rows: list[Row]
    asked: set[Asked]
    """Every draw that was asked of the provider."""
    kept: set[Asked]
    """Every draw whose reply is on disk."""
    calls: int
    """Draws asked for, programs run and texts embedded, each counted once. How draws are grouped into
    wire calls depends on the timing; so does whether a program is run twice by two who need it at the
    same moment, as the journal may answer the second."""
    killed: bool
    executed: set[bytes]
    """Every program that was run, and for whom."""
    known: set[bytes]
    """Every program whose outcome is on disk."""
    embedded: set[str]
    """Every text that was embedded."""
    vectors: set[str]
    """Every text whose vector is on disk."""


async def session(path: Path, case: Case, kill_at: int | None = None) -> Left:
    """Run `case`, or go on with it; the effect with the number `kill_at` ends the process."""

    def count(effect: Asked | bytes | str) -> None:
        effects.add(effect)
        if kill_at is not None and len(effects) >= kill_at:
            raise Killed

    async def answer(call: Call) -> Reply | None:
        count(named(call))
        for _ in range(len(call.task) % 3 + 1):
            await asyncio.sleep(0)
        return babble(call)

    async def execute(execution: Execution) -> Outcome:
        program = ran(execution.step, execution.task, settings_of(execution.program))
        count(program)
        executed.add(program)
        return await judge(execution)

    async def embed(texts: Sequence[str]) -> list[Embedding]:
        for text in texts:
            count(text)
        embedded.update(texts)
        return [Embedding(embed_by_hash(text)) for text in texts]

    executed, embedded, effects = set[bytes](), set[str](), set[Asked | bytes | str]()
    provider, killed, steps = Scripted(answer, features=case.features), False, list[BoundStep]()
    async with Bench(path) as bench:
        steps = [bench.attach(s, execute, embed) for s in case.steps(bench.model(provider))]
        try:
            await bench.run(steps, TASKS, concurrency=2)
        except Killed:
            killed = True
    records = Records(path)
    rows = [row for s in steps for row in records.rows(s.label, "example", "rejection", "failure")]
    kept = {
        (c.step, c.task, c.scope, c.role, c.draw, records.request_hash(c)) for c in records.calls()
    }
    known = {
        ran(e.step, e.task, msgspec.json.decode(e.request)) for e in records.effects("sandbox")
    }
    vectors = {msgspec.json.decode(e.request) for e in records.effects("embedding")}
    records.close()
    asked = {named(call) for wire in provider.calls for call in wire.calls}
    return Left(rows, asked, kept, len(effects), killed, executed, known, embedded, vectors)


async def contract(case: Case, folder: Path) -> None:
    whole = await session(folder / "whole.db", case)
    assert any(row.kind == "example" for row in whole.rows), (
        "the generic babbler made it no example: give the method an entry in CONFIGS, or have "
        "babble() say what it looks for"
    )
    assert 0 < whole.calls < 150, f"{whole.calls} calls: give it smaller settings in CONFIGS"
    for kill_at in range(1, whole.calls + 1):
        where, journal = f"killed at call {kill_at} of {whole.calls}", folder / f"{kill_at}.db"
        first = await session(journal, case, kill_at)
        assert first.killed, f"{where}: it made fewer calls than the run before"
        resumed = await session(journal, case)
        again = resumed.asked & first.kept
        assert not again, f"{where}: asked again, though the reply was on disk: {again}"
        assert resumed.rows == whole.rows, f"{where}: other rows"
        assert not resumed.executed & first.known, f"{where}: run again, though on disk"
        assert not resumed.embedded & first.vectors, f"{where}: embedded again, though on disk"
        finished = await session(journal, case)
        assert finished.calls == 0, f"{where}: a finished run asked again"
        assert not finished.executed, f"{where}: a finished run ran programs again"
        assert finished.rows == whole.rows, f"{where}: a finished run changed"
        journal.unlink()


def registered() -> list[Any]:
    return [
        pytest.param(name, settings, id=f"{name}: {what}")
        for name in methods.names()
        for what, settings in CONFIGS.get(name, {"defaults": {}}).items()
    ]


@pytest.mark.parametrize(("name", "settings"), registered())
async def test_every_method_resumes_from_every_call(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    await contract(Case(lambda model: [step(name, model, **settings)], Features()), tmp_path)


def test_the_table_of_settings_names_methods_that_exist() -> None:
    assert set(CONFIGS) <= set(methods.names())


async def test_an_unscriptable_method_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    async def mute(task: Task, teacher: Model) -> Rejection:
        await teacher.ask(task.prompt)
        return Rejection(reason="not in my language")

    with pytest.raises(AssertionError, match="an entry in CONFIGS"):
        await contract(Case(lambda model: [step(defined(mute), model)], Features()), tmp_path)


RECIPES: dict[str, Callable[[Model], list[BoundStep]]] = {
    "one step": lambda model: [step(defined(probe), model)],
    "two steps": lambda model: [
        step(defined(several), model), step(defined(refine), model, label="mend"),
    ],
    "a filter between": lambda model: [
        step(defined(several), model), step(defined(even, "filter")), step(defined(refine), model),
    ],
    "a filter with a memory": lambda model: [
        step(defined(several), model), step("novelty", threshold=0.8, of="answer"),
        step(defined(refine), model),
    ],
    "a pool": lambda model: [step(defined(grow), model)],
    "agents in a pool": lambda model: [step(defined(talk), model)],
    "embeddings": lambda model: [step(defined(compare), model)],
    "memos": lambda model: [step(defined(live), model)],
    "a pool, then each": lambda model: [
        step(defined(grow), model, n=3), step(defined(refine), model),
    ],
    "each, then a pool": lambda model: [
        step(defined(several), model), step(defined(grow), model, n=3),
    ],
}  # fmt: skip


@pytest.mark.parametrize("n", [True, False], ids=["n at once", "one by one"])
@pytest.mark.parametrize("recipe", RECIPES)
async def test_recipes_of_every_shape_resume_from_every_call(
    recipe: str, n: bool, tmp_path: Path
) -> None:
    await contract(Case(RECIPES[recipe], Features(n=n)), tmp_path)


# Mutants of the key: the contract would tell.


def mutated(**fields: Any) -> Callable[..., bytes]:
    names = ("kind", "step", "task", "scope", "role", "who", "hash", "draw")
    return lambda *parts: effect_key(**dict(zip(names, parts, strict=True)) | fields)


def without_sampling(call: Call) -> Canonical:
    return canonical(msgspec.structs.replace(call.request, sampling=Sampling()))


def without_messages(call: Call) -> Canonical:
    return canonical(msgspec.structs.replace(call.request, messages=()))


@pytest.mark.parametrize(
    ("part", "mutant"),
    [
        pytest.param("effect_key", mutated(draw=0), id="draw"),
        pytest.param("effect_key", mutated(task=""), id="task"),
        pytest.param("effect_key", mutated(step="", task=""), id="scope"),
        pytest.param("effect_key", mutated(role=""), id="role"),
        pytest.param("canonical_of", without_sampling, id="sampling"),
        pytest.param("canonical_of", without_messages, id="messages"),
    ],
)
async def test_the_contract_fails_where_the_key_lacks_a_part(
    part: str, mutant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = understudy.call.replay if part == "effect_key" else understudy.call.stack
    monkeypatch.setattr(module, part, mutant)

    with pytest.raises(AssertionError, match="killed at call"):
        await contract(Case(RECIPES["one step"], Features()), tmp_path)


async def test_the_contract_fails_where_the_key_lacks_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(model: Model) -> list[BoundStep]:
        return [step(defined(probe), model, label="a"), step(defined(probe), model, label="b")]

    monkeypatch.setattr(understudy.call.replay, "effect_key", mutated(step=""))

    with pytest.raises(AssertionError, match="killed at call"):
        await contract(Case(twice, Features()), tmp_path)


async def test_a_resumed_world_does_not_live_through_earlier_ticks(tmp_path: Path) -> None:
    """Killed after tick 500 of 600, it asks for nothing that was asked before, and reads no reply of
    an earlier tick."""
    lived = list[int]()

    async def world(tasks: Sequence[Task], teacher: Model, memo: Memo) -> AsyncIterator[Example]:
        state: dict[str, int] = {"tick": 0}

        async def hundred_ticks() -> dict[str, int]:
            for tick in range(state["tick"], state["tick"] + 100):
                lived.append(tick)
                await teacher.ask(f"tick {tick}")
            return {"tick": state["tick"] + 100}

        while state["tick"] < 600:
            state = await memo(f"tick {state['tick']}", hundred_ticks)
        yield Example(messages=(user(str(state["tick"])),))

    def answer(call: Call) -> str:
        if len(lived) == 551:
            raise Killed
        return "x"

    definition = defined(world)
    for replayed in (0, 50):
        lived.clear()
        async with Bench(tmp_path / "j.db") as bench:
            steps = [
                step(definition, bench.model(Scripted(answer if not replayed else lambda c: "x")))
            ]
            steps = [bench.attach(s, no_program, no_text) for s in steps]
            try:
                await bench.run(steps, TASKS)
            except Killed:
                assert not replayed
            assert bench.tally.replayed == replayed
    assert lived == list(range(500, 600))


async def no_program(execution: Execution) -> Outcome:
    raise AssertionError


async def no_text(texts: Sequence[str]) -> list[Embedding]:
    raise AssertionError


async def test_the_contract_fails_where_agents_share_a_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(understudy.call.replay, "effect_key", mutated(scope=""))

    with pytest.raises(AssertionError, match="killed at call"):
        await contract(Case(RECIPES["agents in a pool"], Features()), tmp_path)
