"""Measures a checkpoint on held-out tasks: every figure of the evaluation card comes from here.

Held-out questions are those whose hash says so (`problems.held_out`); they share families and
templates with the training data, so every figure is in-distribution.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from training.pocket import formats, judge
from training.pocket.chat import Message
from training.pocket.functions import Outcome, make_task
from training.pocket.metrics import (
    auroc,
    auroc_within,
    base_brier,
    brier,
    ece,
    majority,
    majority_at,
    mean,
)  # fmt: skip
from training.pocket.mix import outcome_text
from training.pocket.problems import SIZES, Problem, make_problem
from training.pocket.sample import Speaker
from training.pocket.steps import final, render

T = TypeVar("T")
Figures = dict[str, float | int | dict[str, float]]
SEED = 20_000
"""Of all held-out draws; training draws have other seeds and the other side of the hash."""


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    greedy: int = 1000
    voted: int = 250
    samples: int = 40
    judged_problems: int = 250
    judged_samples: int = 6
    refined: int = 300
    coded: int = 250
    others: int = 60


QUICK = Size(200, 60, 20, 60, 6, 80, 80, 20)


def problems(n: int, seed: int = SEED) -> list[Problem]:
    """`n` held-out problems with distinct questions."""
    rng = random.Random(seed)
    unique: dict[str, Problem] = {}
    while len(unique) < n:
        problem = make_problem(rng, evaluation=True)
        unique[problem.question] = problem
    return list(unique.values())


def greedy(speaker: Speaker, size: Size) -> Figures:
    """Greedy accuracy over all, by family, and under each kind of prompt."""
    held_out = problems(size.greedy)
    rng = random.Random(SEED + 1)
    shots = [make_problem(rng) for _ in range(2)]
    from_shots = [(p.question, _gold(p)) for p in shots]
    few = held_out[: size.greedy // 3]
    layouts = {
        "step by step": [formats.question_steps(p.question) for p in few],
        "Q and A": [formats.question_qa(p.question) for p in few],
        "two shots": [formats.question_shots(from_shots, p.question) for p in few],
    }
    replies = speaker.ask([p.question for p in held_out])
    right = [final(r) == p.answer for r, p in zip(replies, held_out, strict=True)]
    families: dict[str, list[float]] = {}
    levels: dict[str, list[float]] = {}
    for p, ok in zip(held_out, right, strict=True):
        families.setdefault(p.family, []).append(float(ok))
        levels.setdefault(SIZES[p.level], []).append(float(ok))
    by_prompt = {"plain": mean([float(ok) for ok in right])}
    for name, prompts in layouts.items():
        got = speaker.ask(prompts)
        by_prompt[name] = mean([float(final(r) == p.answer) for r, p in zip(got, few, strict=True)])
    direct = speaker.ask([formats.question_direct(p.question) for p in few], tokens=8)
    return {
        "n": len(held_out),
        "greedy": by_prompt["plain"],
        "greedy_by_prompt": by_prompt,
        "greedy_by_size_of_numbers": {k: mean(v) for k, v in levels.items()},
        "greedy_by_family": {k: mean(v) for k, v in sorted(families.items())},
        "direct": mean(
            [float(r.strip() == str(p.answer)) for r, p in zip(direct, few, strict=True)]
        ),
        "greedy_unparsed": mean([float(final(r) is None) for r in replies]),
    }


def solve_rate(speaker: Speaker, questions: Sequence[Problem]) -> float:
    """Greedy accuracy on some problems."""
    replies = speaker.ask([p.question for p in questions])
    return mean([float(final(r) == p.answer) for r, p in zip(replies, questions, strict=True)])


def _gold(problem: Problem) -> str:
    return render(problem.paths[0], "bare")


def votes(speaker: Speaker, size: Size, temperature: float = 0.7) -> Figures:
    """Majority vote and pass@k from one sample set, and how well the vote share predicts."""
    held_out = problems(size.voted, SEED + 2)
    started = time.process_time()
    replies = speaker.reply(
        [[("user", p.question)] for p in held_out], size.samples, temperature, seed=SEED
    )
    seconds = time.process_time() - started
    parsed = [[final(r) for r in rs] for rs in replies]
    truths = [p.answer for p in held_out]
    pairs = list(zip(parsed, truths, strict=True))
    single = [float(a == t) for answers, t in pairs for a in answers]
    right_votes = [majority(answers) for answers in parsed]
    right = [w == t for (w, _), t in zip(right_votes, truths, strict=True)]
    share = [s for _, s in right_votes]
    first = speaker.ask([p.question for p in held_out])
    return {
        "n": len(held_out),
        "samples": size.samples,
        "temperature": temperature,
        "greedy_here": mean([float(final(r) == t) for r, t in zip(first, truths, strict=True)]),
        "single": mean(single),
        "majority": {
            str(k): mean([majority_at(a, t, k) for a, t in pairs])
            for k in (5, 10, 20, 40)
            if k <= size.samples
        },
        "pass": mean([float(t in a) for a, t in pairs]),
        "share_auroc": auroc(share, right),
        "share_ece": ece(share, right),
        "unparsed": mean([float(a is None) for answers in parsed for a in answers]),
        "distinct_paths": mean([float(len(set(rs))) for rs in replies]),
        "cpu_seconds": seconds,
    }


@dataclass(frozen=True)
class Judged:
    """Verdicts on several own answers to each question."""

    scores: list[list[float]]
    labels: list[list[bool]]

    def figures(self) -> Figures:
        flat = [s for row in self.scores for s in row]
        right = [y for row in self.labels for y in row]
        confident = [float(y) for s, y in zip(flat, right, strict=True) if s > 0.5]
        best = [
            float(labels[max(range(len(scores)), key=scores.__getitem__)])
            for scores, labels in zip(self.scores, self.labels, strict=True)
        ]
        return {
            "n": len(flat),
            "auroc": auroc(flat, right),
            "auroc_within_question": auroc_within(list(zip(self.scores, self.labels, strict=True))),
            "brier": brier(flat, right),
            "brier_base_rate": base_brier(right),
            "ece": ece(flat, right),
            "accuracy": mean([float(y) for y in right]),
            "accuracy_kept": mean(confident),
            "kept": len(confident) / len(flat),
            "best_of_n": mean(best),
        }


def verdicts(speaker: Speaker, size: Size) -> dict[str, Figures]:
    """P(True) on own answers drawn at temperature 1: in one pass, after a check, with ideas."""
    held_out = problems(size.judged_problems, SEED + 3)
    k = size.judged_samples
    replies = speaker.reply([[("user", p.question)] for p in held_out], k, 1.0, seed=SEED + 1)
    rows = [(p, r) for p, rs in zip(held_out, replies, strict=True) for r in rs]
    labels = [final(r) == p.answer for p, r in rows]
    single = speaker.p_first([(chat(formats.p_true(p.question, r)), "") for p, r in rows])
    short = [(chat(formats.p_true(p.question, str(final(r)))), "") for p, r in rows]
    prompts = [chat(formats.p_true_check(p.question, r)) for p, r in rows]
    checks = [c[0] for c in speaker.reply(prompts, 1, 0.0, tokens=200)]
    heads = [c.rsplit("(", 1)[0] if "(" in c else c + " The proposed answer is: " for c in checks]
    checked = speaker.p_first(list(zip(prompts, heads, strict=True)))
    ideas = [
        (
            chat(
                formats.p_true_brainstorm(
                    p.question, [str(final(x)) for x in rs[:5]], str(final(r))
                )
            ),
            "",
        )
        for p, rs in zip(held_out, replies, strict=True)
        for r in rs
    ]
    scores_by = {
        "single": single,
        "single_number": speaker.p_first(short),
        "check": checked,
        "brainstorm": speaker.p_first(ideas),
    }
    return {
        name: Judged(split(scores, k), split(labels, k)).figures()
        for name, scores in scores_by.items()
    }


def chat(user: str) -> tuple[Message, ...]:
    return (("user", user),)


def split(flat: Sequence[T], k: int) -> list[list[T]]:
    return [list(flat[i : i + k]) for i in range(0, len(flat), k)]


def knows(speaker: Speaker, size: Size) -> Figures:
    """P(IK) against the share of right samples at temperature 1, binarised at one half."""
    held_out = problems(size.judged_problems, SEED + 4)
    replies = speaker.reply([[("user", p.question)] for p in held_out], 16, 1.0, seed=SEED + 2)
    share = [
        mean([float(final(r) == p.answer) for r in rs])
        for p, rs in zip(held_out, replies, strict=True)
    ]
    scores = speaker.p_first([(chat(formats.p_ik(p.question)), "") for p in held_out])
    labels = [s > 0.5 for s in share]
    return {
        "n": len(held_out),
        "auroc": auroc(scores, labels),
        "brier": brier(scores, labels),
        "brier_base_rate": base_brier(labels),
        "brier_to_share": mean([(a - b) ** 2 for a, b in zip(scores, share, strict=True)]),
        "mean_p_ik": mean(scores),
        "mean_share": mean(share),
    }


def refinement(speaker: Speaker, size: Size, rounds: int = 3) -> Figures:
    """Self-Refine on own sampled answers: accuracy before and after, and both kinds of flip."""
    held_out = problems(size.refined, SEED + 5)
    answers = [
        r[0]
        for r in speaker.reply([[("user", p.question)] for p in held_out], 1, 0.7, seed=SEED + 3)
    ]
    first = list(answers)
    traces: list[list[tuple[str, str]]] = [[] for _ in held_out]
    open_rows = list(range(len(held_out)))
    stopped_right = stopped = 0
    for _ in range(rounds):
        prompts = [formats.feedback(held_out[i].question, answers[i]) for i in open_rows]
        replies = speaker.ask(prompts, tokens=240)
        going: list[int] = []
        for i, feedback in zip(open_rows, replies, strict=True):
            if formats.NO_COMPLAINT in feedback:
                stopped += 1
                stopped_right += final(answers[i]) == held_out[i].answer
            else:
                traces[i].append((answers[i], feedback))
                going.append(i)
        again = speaker.ask([formats.refine(held_out[i].question, traces[i][-2:]) for i in going])
        for i, text in zip(going, again, strict=True):
            answers[i] = text
        open_rows = going
    before = [final(a) == p.answer for a, p in zip(first, held_out, strict=True)]
    after = [final(a) == p.answer for a, p in zip(answers, held_out, strict=True)]
    flips = list(zip(before, after, strict=True))
    return {
        "n": len(held_out),
        "before": mean([float(b) for b in before]),
        "after": mean([float(a) for a in after]),
        "wrong_to_right": mean([float(a and not b) for b, a in flips]),
        "right_to_wrong": mean([float(b and not a) for b, a in flips]),
        "stopped": stopped / len(held_out),
        "stopped_and_right": stopped_right / max(1, stopped),
    }


def code(speaker: Speaker, size: Size, turns: int = 3) -> Figures:
    """Greedy programs on held-out specifications, then repairs after unit-test feedback."""
    rng = random.Random(SEED + 6)
    tasks = [make_task(rng, evaluation=True) for _ in range(size.coded)]
    chats: list[list[Message]] = [[("user", formats.code(t.spec, t.asserts))] for t in tasks]
    passed: list[list[bool]] = []
    hidden_rates: list[float] = []
    replies = [r[0] for r in speaker.reply(chats, tokens=110)]
    for turn in range(turns + 1):
        sources = [judge.extract(r) for r in replies]
        verdicts = judge.run_many([(s, t.asserts) for s, t in zip(sources, tasks, strict=True)])
        passed.append([v.passed for v in verdicts])
        both = [(s, (*t.asserts, *t.hidden_tests)) for s, t in zip(sources, tasks, strict=True)]
        hidden_rates.append(mean([float(v.passed) for v in judge.run_many(both)]))
        failing = [i for i, v in enumerate(verdicts) if not v.passed]
        if turn == turns or not failing:
            break
        for i in failing:
            v = verdicts[i]
            feedback = outcome_text(Outcome(v.test or "", v.returned, v.raised))
            chats[i] += [("assistant", replies[i]), ("user", formats.code_repair(feedback))]
        again = speaker.reply([chats[i] for i in failing], tokens=110)
        for i, r in zip(failing, again, strict=True):
            replies[i] = r[0]
    plain = [i for i, t in enumerate(tasks) if not t.ambiguous]
    return {
        "n": len(tasks),
        "visible_by_turn": {str(k): mean([float(x) for x in row]) for k, row in enumerate(passed)},
        "all_tests_by_turn": {str(k): v for k, v in enumerate(hidden_rates)},
        "first_plain_specifications": mean([float(passed[0][i]) for i in plain]),
        "gain": hidden_rates[-1] - hidden_rates[0],
    }


def measure(speaker: Speaker, size: Size) -> dict[str, Figures | dict[str, Figures]]:
    """Everything but the format checks of the other capabilities (`formats_kept.py`)."""
    return {
        "word_problems": greedy(speaker, size),
        "votes": votes(speaker, size),
        "p_true": verdicts(speaker, size),
        "p_ik": knows(speaker, size),
        "self_refine": refinement(speaker, size),
        "code": code(speaker, size),
    }
