"""A task as Self-Debug sees it, and what a language is to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from understudy.handles.sandbox import Sandbox
from understudy.methods._shared.exemplars import replace_question
from understudy.types import Message, Task

from .prompts import Prompts
from .tests import hidden_tests

Topic: TypeAlias = Literal["question", "explanation", "trace", "verdict"]
"""What the model may be asked about: a question to a database, its program, a call of it, whether it is
right."""


class Question(NamedTuple):
    """Something the model is asked about its program."""

    topic: Topic
    prompt: str


class Candidate(NamedTuple):
    """A program that was read off a reply."""

    code: str
    above: str = ""
    """Lines of the prompt that run before it: imports, other functions."""


class Observation(NamedTuple):
    """What running a candidate against the visible tests showed."""

    status: str
    passed: bool | None
    """None where there are no visible tests and the program ran."""
    text: str = ""
    """What went wrong, as a sentence; of a query its result."""
    test: str = ""
    """The first visible test that did not pass."""
    trace: str = ""
    result: tuple[str, ...] | None = None
    """What it computed; None where it raised."""


class Score(NamedTuple):
    """Whether a candidate passes its tests; None where there are none."""

    visible: bool | None
    hidden: bool | None


@dataclass(frozen=True)
class Bench:
    """What programs are run with."""

    sandbox: Sandbox
    prompts: Prompts
    visible: int
    """How many of a task's own tests the model sees."""
    prelude: str
    seconds: float


@dataclass(frozen=True)
class Language:
    """How programs of one language are asked for, read, run, checked and explained."""

    label: str
    """What a fence calls it."""
    pose: Callable[[Task, Bench], Awaitable["Problem"]]
    """The task as a problem. Raises ValueError where it lacks something that its programs need."""
    read: Callable[[Task, str], Candidate]
    """The program of a reply."""
    observe: Callable[["Problem", Candidate], Awaitable[Observation]]
    """What running a program against the visible tests shows."""
    trace: Callable[["Problem", Candidate, str], Awaitable[str]] | None
    """Follows what a test calls, line by line. None where programs cannot be followed."""
    check: Callable[["Problem", Candidate], Awaitable[bool | None]]
    """Whether a program passes the hidden tests; None where there are none."""
    explain: Callable[[Prompts], list[Question]]
    """What the model is asked in order to explain its program."""
    judge: Callable[[Prompts], Question]
    """Asks whether the program is right, after an explanation."""


@dataclass(frozen=True)
class Problem:
    """A task in one language."""

    task: Task
    language: Language
    bench: Bench
    statement: str
    """What the model is told of the task, visible tests included."""
    visible: tuple[str, ...] = ()
    """The tests that the model sees."""
    observable: bool = True
    """Whether running a program can show the model anything."""
    harness: str = ""
    """The program that runs candidates which the sandbox cannot run by themselves."""

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The task, as the model is given it."""
        return replace_question(self.task, self.statement)

    def read(self, reply: str) -> Candidate:
        return self.language.read(self.task, reply)

    async def observe(self, candidate: Candidate) -> Observation:
        """What running the candidate against the visible tests shows."""
        if not candidate.code.strip():
            test = next(iter(self.visible), "")
            return Observation("no program", False, self.bench.prompts.no_program, test)
        return await self.language.observe(self, candidate)

    async def trace(self, candidate: Candidate, observation: Observation) -> Observation:
        """The observation, with the trace of the call in the test that failed."""
        if self.language.trace is None or not candidate.code.strip():
            return observation
        trace = await self.language.trace(self, candidate, observation.test)
        return observation._replace(trace=trace)

    async def score(self, candidate: Candidate, observation: Observation | None) -> Score:
        """The candidate by all tests. `observation`: what is known of the visible ones."""
        observation = observation or await self.observe(candidate)
        if not candidate.code.strip():
            has_hidden = bool(hidden_tests(self.task) or self.task.reference)
            return Score(False, False if has_hidden else None)
        return Score(observation.passed, await self.language.check(self, candidate))
