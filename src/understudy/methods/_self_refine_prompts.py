"""The prompts of Self-Refine for one task, and the form of structured feedback."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import Field, create_model, model_validator

from understudy.methods import _self_refine_presets as presets
from understudy.methods._shared.exemplars import format_question
from understudy.types import Message, Settings, Task, user

if TYPE_CHECKING:  # settings stand in the method's own file, which imports this one
    from understudy.methods.self_refine import Config

DONE = "NO COMPLAINT"
"""Ends feedback that finds nothing to mend."""


class Prompts:
    """What is asked about one task."""

    def __init__(self, task: Task, config: "Config") -> None:
        self.task, self.preset = task, presets.of(config.preset)
        self._verdict = config.verdict
        self._tests = visible(task) if config.source == "tests" else ()

    @property
    def x(self) -> str:
        """The task in words."""
        text = format_question(self.task)
        if self.preset.write not in text:
            text = f"{self.preset.write}\n\n{text}"
        untold = [test for test in self._tests if test not in text]
        return TESTS.format(x=text, tests="\n".join(untold)) if untold else text

    def answer(self) -> tuple[Message, ...]:
        """Asks for y_0; what is trained on as well."""
        return self._turns(self.x)

    def feedback(self, y: str) -> tuple[Message, ...]:
        """Asks for feedback on y as text."""
        preset = self.preset
        end = f"\n{preset.fine}: {DONE}" if self._verdict else ""
        return self._turns(FEEDBACK.format(x=self.x, y=y, ask=preset.criticise + end))

    def structured(self, y: str) -> tuple[Message, ...]:
        """Asks for feedback on y in the form of `form`."""
        aspects = "\n".join(f"- {aspect.name}: {aspect.about}" for aspect in self.preset.aspects)
        ask = SCORE.format(aspects=aspects, scale=self.preset.scale)
        return self._turns(FEEDBACK.format(x=self.x, y=y, ask=ask))

    def refine(self, trace: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
        """Asks for y_t+1, given earlier versions with their feedback, oldest first."""
        tried = "\n\n".join(f"Answer:\n{y}\n\nFeedback:\n{fb}" for y, fb in trace)
        return self._turns(REFINE.format(x=self.x, tried=tried, ask=self.preset.rewrite))

    def compare(self, a: str, b: str) -> tuple[Message, ...]:
        """Asks which of two answers is better."""
        return self._turns(COMPARE.format(x=self.x, a=a, b=b))

    def _turns(self, text: str) -> tuple[Message, ...]:
        """`text` in place of the task's last turn, with its pictures and what came before."""
        *earlier, last = self.task.conversation
        if (most := self.preset.turns) is not None:
            spoken = [message for message in earlier if message.role != "system"]
            shown = spoken[len(spoken) - min(len(spoken), most - 1) :]
            earlier = [m for m in earlier if m.role == "system" or any(m is s for s in shown)]
        return (*earlier, last if text == last.text else user(text, *last.media))


def visible(task: Task) -> tuple[str, ...]:
    """The tests whose outcome may be shown: `meta.visible_tests` where they are told apart, else all."""
    given: Any = task.meta.get("visible_tests", task.tests)
    return (given,) if isinstance(given, str) else tuple(cast("Sequence[str]", given))


class Scored(Settings):
    """One aspect of an answer."""

    name: str
    evidence: str
    fix: str
    score: int


class Form(Settings):
    """Structured feedback. Its total is not asked for: it is the sum of the scores."""

    aspects: tuple[Scored, ...]
    verdict: Literal["stop", "revise"]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [aspect.name for aspect in self.aspects]
        if len(set(names)) < len(names):
            raise ValueError("each aspect is to be scored once")
        return self

    @property
    def total(self) -> int:
        return sum(aspect.score for aspect in self.aspects)


def form(preset: presets.Preset) -> type[Form]:
    """`Form` with the names and the scale of the preset's aspects."""
    names: Any = Literal[tuple(aspect.name for aspect in preset.aspects)]
    score: Any = Annotated[int, Field(ge=0, le=preset.scale)]
    aspect: Any = create_model("Aspect", __base__=Scored, name=(names, ...), score=(score, ...))
    n = len(preset.aspects)
    aspects: Any = Annotated[tuple[aspect, ...], Field(min_length=n, max_length=n)]
    return create_model("Form", __base__=Form, aspects=(aspects, ...))


TESTS = """\
{x}
Your code should pass these tests:
{tests}"""

FEEDBACK = """\
Task:
{x}

Answer:
{y}

{ask}"""

SCORE = """\
Score the answer from 0 to {scale} in each of these aspects. {scale} means that there is nothing to mend,
and an answer may deserve it.
{aspects}

Say for each aspect first what in the answer the score rests on, word for word where you can, and what
would fix it; the fix is empty where nothing needs one. The verdict is "revise" if a fix is worth another
version, else "stop".
Reply with one JSON object and nothing else:
{{"aspects": [{{"name": "...", "evidence": "...", "fix": "...", "score": 0}}, ...], "verdict": "..."}}"""

REFINE = """\
Task:
{x}

{tried}

{ask} Reply with the answer only."""

COMPARE = """\
Task:
{x}

Answer A:
{a}

Answer B:
{b}

Which answer does the task better? Length, tone and the order they are shown in do not count, unless the
task says so. Give a short reason, and end with a line "Verdict: A", "Verdict: B", or "Verdict: tie"."""
