"""The training mixture: one function per capability, drawn by weight, as chat samples.

`WEIGHTS` are shares of samples, not of tokens. About one target in fifty is cut or misformatted on
purpose (`spoil`), so that real parsing failures occur at run time.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from training.pocket import formats
from training.pocket.chat import Message, Sample, changed_span, chat, focus_on, last_step
from training.pocket.formats import ANSWER_PREFIX
from training.pocket.functions import Outcome, break_source, explain, make_task, trace
from training.pocket.general import (
    answer_by_principles,
    camel,
    camel_setup,
    classify_task,
    follow,
    list_tasks,
    scene,
    task_instances,
    town_act,
    town_memory,
    town_reflect,
)
from training.pocket.problems import Problem, make_problem
from training.pocket.steps import (
    STYLES,
    approval,
    compute,
    corrupt,
    critique,
    equations,
    final,
    nearest,
    parse,
    render,
)  # fmt: skip

DATA_VERSION = 9
SPOILED = 1 / 50


def solution(problem: Problem, rng: random.Random, style: str | None = None) -> str:
    return render(problem.path(rng), style or rng.choice(STYLES))


def solve(rng: random.Random) -> Sample:
    """Word problems under every zero-shot prompt."""
    problem = make_problem(rng)
    q, draw = problem.question, rng.random()
    if draw < 0.45:
        user = formats.question_plain(q)
    elif draw < 0.75:
        user = formats.question_steps(q)
    else:
        user = formats.question_qa(q, steps=draw < 0.87)
    return chat("solve", user, solution(problem, rng))


def drill(rng: random.Random) -> Sample:
    """Equations without a story: of a word problem's text little is arithmetic, of this all."""
    exercises = [exercise(rng) for _ in range(rng.randint(5, 12))]
    question = ", ".join(f"{a} {op} {b}" for a, op, b in exercises)
    done = " ".join(f"{a} {op} {b} = {compute(a, op, b)}." for a, op, b in exercises)
    return chat("drill", formats.drill(question), done)


def exercise(rng: random.Random) -> tuple[int, str, int]:
    """A sum, difference, product or quotient of the sizes that occur in word problems."""
    top = rng.choice((30, 60, 120, 240, 600))
    kind, a, b = rng.random(), rng.randint(1, top), rng.randint(1, top)
    if kind < 0.45:
        return max(a, b), "-", min(a, b)
    if kind < 0.72:
        return a, "+", b
    small, large = rng.randint(2, rng.choice((9, 9, 60))), rng.randint(2, rng.choice((18, 52)))
    if kind < 0.92:
        return (small, "*", large) if rng.random() < 0.5 else (large, "*", small)
    return small * large, "/", small


def solve_shots(rng: random.Random) -> Sample:
    """Few-shot prompts; the shots are solutions too, so their loss counts."""
    style = rng.choice(STYLES)
    problems = [make_problem(rng) for _ in range(rng.choice((1, 1, 2, 2, 3)) + 1)]
    shots = [(p.question, solution(p, rng, style)) for p in problems[:-1]]
    user = formats.question_shots(shots, problems[-1].question)
    return chat("shots", user, solution(problems[-1], rng, style), prompt_weight=0.6)


def direct(rng: random.Random) -> Sample:
    problem = make_problem(rng)
    return chat("direct", formats.question_direct(problem.question), str(problem.answer))


def write_question(rng: random.Random) -> Sample:
    problems = [make_problem(rng) for _ in range(rng.choice((0, 1, 2, 3, 3)) + 1)]
    examples = [p.question for p in problems[:-1]]
    return chat("write", formats.new_question(examples), problems[-1].question, prompt_weight=0.3)


def propose(problem: Problem, rng: random.Random) -> tuple[str, bool]:
    """A right or wrong solution, or its bare number."""
    path = problem.path(rng)
    wrong = rng.random() < 0.5
    text = render(corrupt(path, rng) if wrong else path, rng.choice(STYLES))
    right = final(text) == problem.answer
    return (str(final(text)) if rng.random() < 0.3 else text), right


def letter(right: bool) -> str:
    return "(A)" if right else "(B)"


def verdict(rng: random.Random) -> Sample:
    problem = make_problem(rng)
    answer, right = propose(problem, rng)
    user = formats.p_true(problem.question, answer)
    return chat("p_true", user, letter(right), verdict=True)


def verdict_check(rng: random.Random) -> Sample:
    """The verdict after a fresh derivation in small steps, which ends in the comparison."""
    problem = make_problem(rng)
    answer, right = propose(problem, rng)
    user = formats.p_true_check(problem.question, answer)
    return chat("p_true_check", user, check_reply(render(problem.careful, "bare"), right),
                verdict=True)  # fmt: skip


def check_reply(derivation: str, right: bool) -> str:
    return f"{derivation} The proposed answer is: {letter(right)}"


def verdict_brainstorm(rng: random.Random) -> Sample:
    problem = make_problem(rng)
    true, easy = problem.answer, rng.random()
    wrong = [true + d for d in (1, -1, 2, 10, -10, 20, 100, -2)]
    ideas = [true if rng.random() < easy else rng.choice(wrong) for _ in range(5)]
    chosen = rng.choice(ideas)
    user = formats.p_true_brainstorm(problem.question, [str(i) for i in ideas], str(chosen))
    return chat("p_true_ideas", user, letter(chosen == true), verdict=True)


def self_feedback(rng: random.Random) -> Sample:
    problem = make_problem(rng)
    path = problem.path(rng)
    if rng.random() < 0.55:
        path = corrupt(path, rng)
    text = render(path, rng.choice(STYLES))
    return feedback_row(problem, text)


def feedback_row(problem: Problem, text: str) -> Sample:
    feedback = feedback_on(problem, text)
    return focus_on(
        chat("feedback", formats.feedback(problem.question, text), feedback), last_step(feedback)
    )


def refine_row(problem: Problem, trace: list[tuple[str, str]], better: str) -> Sample:
    sample = chat("refine", formats.refine(problem.question, trace), better)
    return focus_on(sample, changed_span(trace[-1][0], better))


def feedback_on(problem: Problem, text: str) -> str:
    """The right feedback on a solution's text."""
    equations_of = parse(text)
    fault = critique(problem.paths, equations_of)
    slipped = any(e.result != compute(e.left, e.op, e.right) for e in equations_of)
    if fault is None or (final(text) == problem.answer and not slipped):
        return approval(equations_of, formats.NO_COMPLAINT)
    return fault


def refinement(rng: random.Random) -> Sample:
    """A rewrite after one or two rounds of feedback: the nearest correct path."""
    problem = make_problem(rng)
    style, trace = rng.choice(STYLES), list[tuple[str, str]]()
    path = corrupt(problem.path(rng), rng)
    for _ in range(rng.choice((1, 1, 1, 2))):
        text = render(path, style)
        trace.append((text, feedback_on(problem, text)))
        gold, _ = nearest(problem.paths, equations(path))
        path = corrupt(gold, rng)
    gold, _ = nearest(problem.paths, equations(path))
    return refine_row(problem, trace, render(gold, style))


def write_code(rng: random.Random) -> Sample:
    """A first program follows the specification alone. Where that has several readings it is any of
    them, whatever the tests say, as of one who does not look at them before they fail."""
    task = make_task(rng)
    source = rng.choice((task.source, *task.others)) if task.ambiguous else task.source
    return chat("code", formats.code(task.spec, task.asserts), formats.fence(source))


def outcome_text(outcome: Outcome) -> str:
    if outcome.raised is not None:
        return formats.code_error(outcome.test, outcome.raised)
    return formats.code_return(outcome.test, str(outcome.returned))


def repair_code(rng: random.Random) -> Sample:
    """Another turn after one to three wrong programs, under every kind of feedback."""
    while True:
        task = make_task(rng)
        mutant = [break_source(task, rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
        wrong = list(dict(b for b in mutant if b).items())
        if wrong:
            break
    messages: tuple[Message, ...] = (("user", formats.code(task.spec, task.asserts)),)
    kind = rng.choices(("test", "told", "traced", "simple"), (6, 1, 1, 0.7))[0]
    for source, outcome in wrong:
        feedback = outcome_text(outcome)
        messages = (*messages, ("assistant", formats.fence(source)))
        if kind == "told":
            question, reply = inspect_request(source, outcome.test, rng)
            messages = (
                *messages,
                ("user", formats.code_outcome(feedback, question)),
                ("assistant", reply),
            )
        if kind == "traced":
            trace_text = trace(source, call_of(outcome.test))
            messages = (*messages, ("user", formats.code_repair_trace(feedback, trace_text)))
        elif kind == "test":
            messages = (*messages, ("user", formats.code_repair(feedback)))
        else:
            messages = (*messages, ("user", formats.CODE_REPAIR_SIMPLE))
    return repair_row(messages, formats.fence(task.source))


def inspect_request(source: str, test: str, rng: random.Random) -> tuple[str, str]:
    """A request to explain or to trace a program, and the right reply."""
    if rng.random() < 0.5:
        return formats.CODE_EXPLAIN, explain(source)
    return formats.code_trace(call_of(test)), trace(source, call_of(test))


def call_of(test: str) -> str:
    """The call in an assert."""
    return test.removeprefix("assert ").partition(" == ")[0]


def inspect_code(rng: random.Random) -> Sample:
    """An explanation or a trace of a right or wrong program, or the verdict on it."""
    task = make_task(rng)
    mutant = break_source(task, rng) if rng.random() < 0.5 else None
    source, outcome = mutant or (task.source, None)
    test = outcome.test if outcome else rng.choice(task.asserts)
    question, reply = inspect_request(source, test, rng)
    head: tuple[Message, ...] = (
        ("user", formats.code(task.spec, task.asserts)),
        ("assistant", formats.fence(source)),
    )
    draw = rng.random()
    if draw < 0.5:
        if outcome and rng.random() < 0.5:
            question = formats.code_outcome(outcome_text(outcome), question)
        kind = "explain" if formats.CODE_EXPLAIN in question else "trace"
        return Sample(kind, (*head, ("user", question), ("assistant", reply)), reply_weight=2.0)
    if draw < 0.8:
        head = (*head, ("user", question), ("assistant", reply))
    feedback = formats.CODE_WRONG if outcome else formats.CODE_RIGHT
    messages = (*head, ("user", formats.CODE_VERDICT), ("assistant", feedback))
    return Sample("code_verdict", messages, focus=(len(feedback) - 6, len(feedback)))


def repair_row(messages: tuple[Message, ...], good: str) -> Sample:
    """A repair, whose changed part weighs most against the last wrong program."""
    wrong = [text for role, text in messages if role == "assistant" and text.startswith("```")]
    focus = changed_span(wrong[-1] if wrong else "", good)
    return Sample("repair", (*messages, ("assistant", good)), reply_weight=2.0, focus=focus)


WEIGHTS: tuple[tuple[Callable[[random.Random], Sample], float], ...] = (
    (solve, 32.0), (drill, 8.0), (solve_shots, 5.0), (direct, 2.0), (write_question, 2.0),
    (verdict, 4.0), (verdict_check, 6.0), (verdict_brainstorm, 1.5),
    (self_feedback, 6.0), (refinement, 4.0), (write_code, 8.0), (repair_code, 9.0),
    (inspect_code, 9.0),
    (list_tasks, 2.0), (classify_task, 1.0), (task_instances, 2.0), (follow, 8.0),
    (answer_by_principles, 1.5), (camel, 2.0), (camel_setup, 1.0), (town_memory, 1.0),
    (town_reflect, 1.5),
    (town_act, 4.0), (scene, 12.0),
)  # fmt: skip


def spoil(sample: Sample, rng: random.Random) -> Sample:
    """The sample with its reply cut short, misformatted or refused.

    A solution goes wrong at one place, before its last result or with its first word: faults spread
    over all places would be too unlikely at each to be drawn at a temperature below 1.
    """
    *head, (role, text) = sample.messages
    draw = rng.random()
    if ANSWER_PREFIX in text:
        text = text[: text.rindex("= ") + 1] if draw < 0.5 else "I do not know."
    elif draw < 0.6 and len(text) > 8:
        text = text[: rng.randrange(len(text) // 3, len(text))]
    else:
        text = rng.choice((text.lower(), text.replace("\n", " "), text.replace(".", "")))
    return replace(sample, messages=(*head, (role, text)), focus=(0, 0))


def draw_sample(rng: random.Random) -> Sample:
    """One sample of the mixture."""
    makers, weights = zip(*WEIGHTS, strict=True)
    sample: Sample = rng.choices(makers, weights)[0](rng)
    return spoil(sample, rng) if rng.random() < SPOILED and not sample.verdict else sample


def stream(seed: int) -> Iterator[Sample]:
    """The first phase: an endless, reproducible stream of samples."""
    rng = random.Random(seed)
    while True:
        yield draw_sample(rng)
