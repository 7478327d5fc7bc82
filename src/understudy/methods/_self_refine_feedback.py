"""Where Self-Refine's feedback is from: a critic, a judge, tests, a reference; and what is better."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.call.model import Model, Prompt, gather
from understudy.methods._self_refine_prompts import DONE, Form, Prompts, form, visible
from understudy.methods._self_refine_trace import Feedback, Version
from understudy.sandbox.handle import Sandbox
from understudy.sandbox.protocol import Outcome, Program
from understudy.text.answers import extract, grade
from understudy.text.fences import strip_fences
from understudy.types import Sampling, Task

if TYPE_CHECKING:  # settings stand in the method's own file, which imports this one
    from understudy.methods.self_refine import Config


async def written(model: Model, prompt: Prompt, sampling: Sampling) -> str:
    """The text of a reply; empty where there is none, or where it was cut off or refused."""
    reply = await model.chat(prompt, sampling)
    whole = reply.stop not in ("length", "filtered") and not reply.refusal
    return reply.text.strip() if whole else ""


@dataclass(frozen=True)
class Critics:
    """Who and what may say something about an answer."""

    critic: Model
    judge: Model
    sandbox: Sandbox


async def feedback(
    asked: Prompts, y: str, by: Critics, config: "Config", *, last: bool
) -> Feedback | None:
    """fb_t, from wherever the settings say; None where no complete feedback came. Of the last version
    only the score is needed."""
    match config.source:
        case "critic":
            return await by_critic(asked, y, by.critic, config)
        case "tests":
            return await by_tests(asked.task, y, by.sandbox, config)
        case "verifier":
            return await by_verifier(asked, y, by.critic, config, last=last)
        case "judge":
            scoring = by_form(asked, y, by.judge, config, judging=True)
            if last:
                return await scoring
            said, scored = await gather((by_critic(asked, y, by.critic, config), scoring))
            if said is None or scored is None:
                return None
            return scored._replace(text=said.text, content=said.content)


async def by_critic(asked: Prompts, y: str, critic: Model, config: "Config") -> Feedback | None:
    """What a model says: text, whose last words may be that there is no complaint; or a form."""
    if config.feedback == "structured":
        return await by_form(asked, y, critic, config)
    sampling = Sampling(temperature=config.feedback_temperature, max_tokens=config.feedback_tokens)
    said = await written(critic, asked.feedback(y), sampling)
    return Feedback(said, content=bool(_DONE.search(said))) if said else None


async def by_form(
    asked: Prompts, y: str, model: Model, config: "Config", *, judging: bool = False
) -> Feedback:
    """A score, evidence and a fix for each aspect."""
    sampling = Sampling(
        temperature=config.judge_temperature if judging else config.feedback_temperature,
        max_tokens=config.feedback_tokens,
    )
    filled = await model.parse(asked.structured(y), form(asked.preset), sampling)
    most = asked.preset.scale * len(filled.aspects)
    return Feedback(
        told(filled, asked.preset.scale),
        content=filled.verdict == "stop",
        score=filled.total / most,
        aspects={aspect.name: aspect.score for aspect in filled.aspects},
    )


def told(filled: Form, scale: int) -> str:
    """A form in words."""
    lines = [
        f"{aspect.name} ({aspect.score}/{scale}): {aspect.evidence}"
        + (f" Fix: {aspect.fix}" if aspect.fix else "")
        for aspect in filled.aspects
    ]
    return "\n".join([*lines, f"Total: {filled.total}/{scale * len(filled.aspects)}"])


async def by_tests(task: Task, y: str, sandbox: Sandbox, config: "Config") -> Feedback:
    """The first visible test that fails. The score is the part that pass."""
    tests = visible(task)
    outcome = await sandbox.run(
        Program(source=strip_fences(y), tests=tests, seconds=config.seconds)
    )
    passed = sum(test.passed for test in outcome.tests) / len(tests)
    return Feedback(failure(outcome), content=outcome.passed, score=passed)


def failure(outcome: Outcome) -> str:
    """What went wrong first."""
    if outcome.passed:
        return "All tests pass."
    if (test := outcome.first_failure) is not None:
        how = f"raised {test.error}" if test.error else f"returned {test.actual}"
        return f"The test {test.test} fails: it {how}."
    line = "" if outcome.line is None else f"line {outcome.line}"
    where = f" in {line}" if line and line not in outcome.error else ""
    if outcome.status == "error":
        return f"The program fails before any test: it raised {outcome.error}{where}."
    if outcome.status == "refused":
        return f"The program was not run: {outcome.error}"
    return f"The program was ended ({outcome.status}): {outcome.error or 'no reason was given'}{where}."


async def by_verifier(
    asked: Prompts, y: str, critic: Model, config: "Config", *, last: bool
) -> Feedback | None:
    """Oracle: the reference says whether the answer is right, the critic what is wrong with it."""
    if is_right(asked.task, y):
        return Feedback("The answer is right.", content=True, score=1.0)
    found = extract(y, choices=asked.task.choices or None)
    wrong = "No answer can be read." if found is None else f"The answer {found} is wrong."
    said = None if last else await by_critic(asked, y, critic, config)
    if said is None:
        return Feedback(wrong, content=False, score=0.0) if last else None
    return Feedback(wrong if said.content else said.text, content=False, score=0.0)


def is_right(task: Task, y: str) -> bool:
    return task.reference is not None and grade(y, task.reference, choices=task.choices or None)


async def graded(version: Version, asked: Prompts, sandbox: Sandbox, config: "Config") -> Version:
    """The version with whether it is right: by all tests, also those that are not shown, or by the
    reference. For the record alone: no model sees it."""
    task = asked.task
    if config.source == "tests":
        tests = task.tests or visible(task)
        source = strip_fences(version.text)
        outcome = await sandbox.run(Program(source=source, tests=tests, seconds=config.seconds))
        return version._replace(right=outcome.passed)
    if task.reference is None:
        return version
    return version._replace(right=is_right(task, version.text))


async def better(asked: Prompts, old: str, new: str, judge: Model, config: "Config") -> bool:
    """Whether the judge prefers `new`, both where it reads it second and where it reads it first."""
    sampling = Sampling(temperature=config.judge_temperature, max_tokens=config.feedback_tokens)
    orders = ((old, new), (new, old))
    said = await gather(written(judge, asked.compare(a, b), sampling) for a, b in orders)
    return [(_VERDICT.findall(reply) or [""])[-1].upper() for reply in said] == ["B", "A"]


_DONE = re.compile(rf"{DONE}\W*$", re.IGNORECASE)
_VERDICT = re.compile(r"verdict\W{1,8}(?:answer\W{1,4})?(A|B|tie)\W*$", re.I | re.M)
