"""The second phase: rows made of the model's own answers, so that it learns to judge those.

Verdicts on synthetic corruptions do not carry over to a model's own mistakes. So the model answers
training questions, the generator's truth labels the answers, and training goes on with a mixture of
the old samples and these: P(True) in one pass and after the model's own check, P(True) among own
brainstormed answers, P(IK), feedback on own answers and refinements of them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from training.pocket import formats, judge
from training.pocket.chat import Message, Sample, chat
from training.pocket.functions import Outcome, make_task
from training.pocket.mix import (
    draw_sample,
    feedback_row,
    letter,
    outcome_text,
    refine_row,
    repair_row,
    solve,
)
from training.pocket.problems import Problem, make_problem
from training.pocket.sample import Speaker
from training.pocket.steps import final, nearest, parse, render


@dataclass(frozen=True)
class Asking:
    """How many own answers to make."""

    questions: int = 4000
    samples: int = 6
    checks: int = 2
    """Of each question's answers, how many are also checked by the model."""
    tasks: int = 2500
    """Programs to write, of which the failing ones become repairs."""
    temperature: float = 1.0
    """As P(True) is measured (paper: 1)."""


SHARE, SOLVING = 0.5, 0.14
"""Shares of own rows and of plain word problems in the second phase; the rest is the mixture."""


CODE_WEIGHT = 3
"""How often a row about code stands among the others, which are ten times as many."""


def own_rows(speaker: Speaker, asking: Asking, seed: int) -> list[Sample]:
    """All rows from one round of answering."""
    rng = random.Random(seed)
    problems = [make_problem(rng) for _ in range(asking.questions)]
    chats: list[list[Message]] = [[("user", p.question)] for p in problems]
    answers = speaker.reply(chats, asking.samples, asking.temperature, seed=seed)
    checked = [
        (p, a)
        for p, row in zip(problems, answers, strict=True)
        for a in rng.sample(row, min(asking.checks, len(row)))
    ]
    checks = speaker.ask([formats.p_true_check(p.question, a) for p, a in checked], tokens=200)
    rows = [check_row(p, a, c) for (p, a), c in zip(checked, checks, strict=True)]
    for problem, row in zip(problems, answers, strict=True):
        rows += judged_rows(problem, row, rng)
        rows += refined_rows(problem, row, rng)
    rows += code_rows(speaker, asking.tasks, seed + 1) * CODE_WEIGHT
    rng.shuffle(rows)
    return rows


def check_row(problem: Problem, answer: str, check: str) -> Sample:
    """The model's own check, of which only the verdict is learnt, with the true verdict."""
    head = check.rsplit(" The proposed answer is:", 1)[0]
    right = final(answer) == problem.answer
    reply = f"{head} The proposed answer is: {letter(right)}"
    sample = chat("p_true_check", formats.p_true_check(problem.question, answer), reply)
    return replace(sample, verdict=True, reply_weight=0.02)


def judged_rows(problem: Problem, answers: list[str], rng: random.Random) -> list[Sample]:
    """P(True) of some answers, of one bare number, among ideas, and P(IK) from one answer."""
    q, truth = problem.question, problem.answer
    rows = [chat("p_true", formats.p_true(q, a), letter(final(a) == truth)) for a in answers[:5]]
    numbers = [str(final(a)) for a in answers]
    one, idea = rng.choice(numbers), rng.choice(numbers[:5])
    rows.append(chat("p_true", formats.p_true(q, one), letter(one == str(truth))))
    ideas = formats.p_true_brainstorm(q, numbers[:5], idea)
    rows.append(chat("p_true_ideas", ideas, letter(idea == str(truth))))
    knows = final(rng.choice(answers)) == truth
    rows.append(chat("p_ik", formats.p_ik(q), letter(knows)))
    return [replace(r, verdict=True) for r in rows]


def refined_rows(problem: Problem, answers: list[str], rng: random.Random) -> list[Sample]:
    """Feedback on two own answers, and the refinement of those that have a fault."""
    rows: list[Sample] = []
    for answer in rng.sample(answers, 2):
        rows.append(feedback_row(problem, answer))
        reply = rows[-1].messages[-1][1]
        if formats.NO_COMPLAINT not in reply:
            gold, _ = nearest(problem.paths, parse(answer))
            better = render(gold, style_of(answer))
            rows.append(refine_row(problem, [(answer, reply)], better))
    return rows


def code_rows(speaker: Speaker, tasks: int, seed: int) -> list[Sample]:
    """Verdicts on the model's own programs, and repairs of the wrong ones: of the first, from what
    the tests said, and of its own failed repair, with both in view."""
    rng = random.Random(seed)
    specs = [make_task(rng) for _ in range(tasks)]
    chats: list[tuple[Message, ...]] = [(("user", formats.code(t.spec, t.asserts)),) for t in specs]
    open_ones = list(range(len(specs)))
    rows: list[Sample] = []
    for turn in range(2):
        prompts = [chats[i] for i in open_ones]
        replies = [r[0] for r in speaker.reply(prompts, 1, 0.6, tokens=110, seed=seed + turn)]
        sources = [judge.extract(r) for r in replies]
        verdicts = judge.run_many(
            [(s, specs[i].asserts) for s, i in zip(sources, open_ones, strict=True)]
        )
        failing: list[int] = []
        for i, reply, verdict in zip(open_ones, replies, verdicts, strict=True):
            head = (*chats[i], ("assistant", reply))
            if turn == 0 and rng.random() < 0.3:
                rows.append(verdict_row(head, verdict.passed))
            if not verdict.passed:
                feedback = outcome_text(
                    Outcome(verdict.test or "", verdict.returned, verdict.raised)
                )
                chats[i] = (*head, ("user", formats.code_repair(feedback)))
                rows.append(repair_row(chats[i], formats.fence(specs[i].source)))
                failing.append(i)
        open_ones = failing
    return rows


def verdict_row(messages: tuple[Message, ...], right: bool) -> Sample:
    reply = formats.CODE_RIGHT if right else formats.CODE_WRONG
    messages = (*messages, ("user", formats.CODE_VERDICT), ("assistant", reply))
    return Sample("code_verdict", messages, focus=(len(reply) - 6, len(reply)))


def style_of(text: str) -> str:
    """The style a solution was written in."""
    if text.startswith("First,") or text.startswith("So,"):
        return "ordered"
    if text[:1].isdigit():
        return "then" if "Then" in text else "bare"
    return "noted"


def blend(rows: list[Sample], seed: int) -> Iterator[Sample]:
    """Own rows (in new orders, again and again) among samples of the old mixture."""
    rng = random.Random(seed)
    queue: list[Sample] = []
    while True:
        roll = rng.random()
        if roll >= SHARE:
            yield solve(rng) if roll < SHARE + SOLVING else draw_sample(rng)
            continue
        if not queue:
            queue = rng.sample(rows, len(rows))
        yield queue.pop()
