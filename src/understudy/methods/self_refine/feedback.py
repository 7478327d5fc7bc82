"""Where Self-Refine's feedback comes from: a critic, a judge, tests or the reference."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from understudy.call.model import Model, Prompt, gather
from understudy.handles.sandbox import Sandbox
from understudy.methods._shared.programs import read_program
from understudy.prompts import fill
from understudy.sandbox.protocol import Outcome, Program
from understudy.text.answers import extract, grade
from understudy.types import Sampling, Task

from .prompts import Prompts, TaskPrompts, visible_tests
from .scorecard import describe, scorecard_for
from .trace import Feedback, Version

Source: TypeAlias = Literal["critic", "tests", "verifier", "judge"]


async def write(model: Model, prompt: Prompt, sampling: Sampling) -> str:
    """The text of a reply; empty where it was cut off or refused, or has none."""
    reply = await model.chat(prompt, sampling)
    whole = reply.stop not in ("length", "filtered") and not reply.refusal
    return reply.text.strip() if whole else ""


@dataclass(frozen=True)
class Critics:
    """All that may say something about an answer to one task."""

    prompts: TaskPrompts
    critic: Model
    judge: Model
    sandbox: Sandbox
    source: Source
    structured: bool
    """Whether the critic fills in a scorecard."""
    criticising: Sampling
    judging: Sampling
    seconds: float
    """Time of a version's tests."""

    @property
    def task(self) -> Task:
        return self.prompts.task

    async def give_feedback(self, y: str, *, last: bool) -> Feedback | None:
        """fb_t; None where no complete feedback came. Of the last version only the score is needed."""
        match self.source:
            case "critic":
                return await self._by_critic(y)
            case "tests":
                return await self._by_tests(y)
            case "verifier":
                return await self._by_reference(y, last=last)
            case "judge":
                scoring = self._by_scorecard(y, self.judge, self.judging)
                if last:
                    return await scoring
                comment, score = await gather((self._by_critic(y), scoring))
                if comment is None or score is None:
                    return None
                return score._replace(text=comment.text, content=comment.content)

    async def prefer(self, new: str, old: str) -> bool:
        """Whether the judge prefers `new`, both where it reads it second and where it reads it first."""
        orders = ((old, new), (new, old))
        replies = await gather(
            write(self.judge, self.prompts.for_comparison(a, b), self.judging) for a, b in orders
        )
        return [(_VERDICT.findall(reply) or [""])[-1].upper() for reply in replies] == ["B", "A"]

    async def grade(self, version: Version) -> Version:
        """The version with whether it is right, by all tests, hidden ones too, or by the reference.
        For the record alone: no model is told."""
        if self.source == "tests":
            tests = self.task.tests or visible_tests(self.task)
            return version._replace(right=(await self._run(version.text, tests)).passed)
        if self.task.reference is None:
            return version
        return version._replace(right=_is_right(self.task, version.text))

    async def _by_critic(self, y: str) -> Feedback | None:
        """Text, whose last words may be that there is no complaint; or a scorecard."""
        if self.structured:
            return await self._by_scorecard(y, self.critic, self.criticising)
        text = await write(self.critic, self.prompts.for_feedback(y), self.criticising)
        no_complaint = re.escape(self.prompts.wording.no_complaint)
        content = bool(re.search(rf"{no_complaint}\W*$", text, re.IGNORECASE))
        return Feedback(text, content) if text else None

    async def _by_scorecard(self, y: str, model: Model, sampling: Sampling) -> Feedback:
        preset = self.prompts.preset
        card = await model.parse(self.prompts.for_scores(y), scorecard_for(preset), sampling)
        return Feedback(
            describe(card, preset.scale, self.prompts.wording),
            content=card.verdict == "stop",
            score=card.total / (preset.scale * len(card.aspects)),
            aspects={aspect.name: aspect.score for aspect in card.aspects},
        )

    async def _by_tests(self, y: str) -> Feedback:
        """The first visible test that fails. The score is the part that pass."""
        tests = visible_tests(self.task)
        outcome = await self._run(y, tests)
        score = sum(test.passed for test in outcome.tests) / len(tests)
        return Feedback(describe_outcome(outcome, self.prompts.wording), outcome.passed, score)

    async def _by_reference(self, y: str, *, last: bool) -> Feedback | None:
        """Oracle feedback: the reference says whether the answer is right, the critic what is wrong."""
        wording = self.prompts.wording
        if _is_right(self.task, y):
            return Feedback(wording.right, content=True, score=1.0)
        answer = extract(y, choices=self.task.choices or None)
        wrong = wording.unreadable if answer is None else fill(wording.wrong, answer=answer)
        if last:
            return Feedback(wrong, content=False, score=0.0)
        comment = await self._by_critic(y)
        if comment is None:
            return None
        return Feedback(wrong if comment.content else comment.text, content=False, score=0.0)

    async def _run(self, y: str, tests: tuple[str, ...]) -> Outcome:
        source = read_program(y) or y.strip()
        return await self.sandbox.run(Program(source=source, tests=tests, seconds=self.seconds))


def describe_outcome(outcome: Outcome, wording: Prompts) -> str:
    """What went wrong first."""
    if outcome.passed:
        return wording.tests_pass
    if (test := outcome.first_failure) is not None:
        if test.error:
            return fill(wording.test_raised, test=test.test, error=test.error)
        return fill(wording.test_returned, test=test.test, actual=test.actual)
    line = "" if outcome.line is None else f"line {outcome.line}"
    where = f" in {line}" if line and line not in outcome.error else ""
    if outcome.status == "error":
        return fill(wording.program_raised, error=outcome.error, where=where)
    if outcome.status == "refused":
        return fill(wording.program_refused, error=outcome.error)
    error = outcome.error or "no reason was given"
    return fill(wording.program_ended, status=outcome.status, error=error, where=where)


def _is_right(task: Task, y: str) -> bool:
    return task.reference is not None and grade(y, task.reference, choices=task.choices or None)


_VERDICT = re.compile(r"verdict\W{1,8}(?:answer\W{1,4})?(A|B|tie)\W*$", re.I | re.M)
"""The last line of a comparison."""
