"""The text that the built-in model is trained on: right where it says it is right, wrong where wrong."""

import random
import re
from collections import Counter

import pytest

from training.pocket import formats, mix
from training.pocket.chat import Sample
from training.pocket.functions import evaluate, first_failure, make_task, trace
from training.pocket.problems import LEVELS, SIZES, Draw, answer, held_out, make_problem
from training.pocket.steps import compute, corrupt, critique, final, parse, render

FENCE = re.compile(r"```python\n(.*)\n```", re.DOTALL)


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


def test_every_path_of_a_problem_gives_its_answer(rng: random.Random) -> None:
    for _ in range(3_000):
        problem = make_problem(rng, None)
        assert {answer(path) for path in problem.paths} == {problem.answer}
        assert problem.answer >= 0
        for equation in parse(render(problem.paths[-1], "noted")):
            assert equation.result == compute(equation.left, equation.op, equation.right)


def test_short_paths_are_likelier_and_the_careful_one_is_the_longest(rng: random.Random) -> None:
    problem = next(p for p in (make_problem(rng) for _ in range(99)) if p.family == "holders")
    drawn = Counter(len(problem.path(rng)) for _ in range(2_000))
    short, long = min(map(len, problem.paths)), len(problem.careful)
    assert long == max(map(len, problem.paths)) > short
    assert drawn[short] > 2 * drawn[long] > 0


def test_training_and_evaluation_share_no_question(rng: random.Random) -> None:
    for evaluation in (True, False):
        questions = [make_problem(rng, evaluation).question for _ in range(300)]
        assert {held_out(question) for question in questions} == {evaluation}
    assert all(make_task(rng, True).held_out for _ in range(50))


def test_hard_problems_have_larger_numbers(rng: random.Random) -> None:
    terms = [[Draw(rng, level).term(2, 9) for _ in range(200)] for level in range(3)]
    assert max(terms[0]) <= 9 <= min(terms[1]) <= max(terms[1]) <= 27 <= min(terms[2])
    assert max(Draw(rng, 2).term(2, 9, at_most=12) for _ in range(200)) <= 12
    factors = [[Draw(rng, level).factor(2, 9) for _ in range(200)] for level in range(3)]
    assert max(factors[0]) <= 9 <= min(factors[1]) <= max(factors[1]) < min(factors[2])
    assert min(Draw(rng, 3).count(2, 9) for _ in range(200)) > 9
    assert min(Draw(rng, 3).long_factor(2, 9) for _ in range(200)) > 99
    assert len(LEVELS) == len(SIZES)
    assert sum(LEVELS) == pytest.approx(1)


def test_a_corrupted_path_is_criticised_and_a_right_one_is_not(rng: random.Random) -> None:
    for _ in range(500):
        problem = make_problem(rng)
        path = rng.choice(problem.paths)
        assert critique(problem.paths, parse(render(path, "bare"))) is None
        wrong = render(corrupt(path, rng), "then")
        if final(wrong) != problem.answer:
            assert critique(problem.paths, parse(wrong)) is not None


def test_a_functions_source_passes_all_its_tests_and_its_near_misses_do_not(
    rng: random.Random,
) -> None:
    ambiguous = 0
    for _ in range(400):
        task = make_task(rng)
        assert first_failure(task.source, (*task.asserts, *task.hidden_tests)) is None
        assert set(task.asserts).isdisjoint(task.hidden_tests)
        if task.ambiguous:
            ambiguous += 1
            assert all(first_failure(other, task.asserts) for other in task.others)
    assert ambiguous > 100


def test_repairs_start_from_programs_that_fail_as_it_is_said(rng: random.Random) -> None:
    told = re.compile(r"The test assert (.*) fails: it returned (.*)\.\n")
    seen = 0
    for _ in range(400):
        sample = mix.repair_code(rng)
        codes = [FENCE.search(text) for role, text in sample.messages if role == "assistant"]
        sources = [found[1] for found in codes if found]
        tests = tuple(
            line for line in sample.messages[0][1].split("\n") if line.startswith("assert")
        )
        assert first_failure(sources[-1], tests) is None
        for source in sources[:-1]:
            assert first_failure(source, tests) is not None
        if found := told.search(sample.messages[2][1] + "\n"):
            call = found[1].partition(" == ")[0]
            assert evaluate(sources[0], call) == found[2]
            seen += 1
    assert seen > 100


def test_a_verdict_on_code_is_the_tests_verdict(rng: random.Random) -> None:
    said = Counter[str]()
    for _ in range(600):
        sample = mix.inspect_code(rng)
        if sample.kind != "code_verdict":
            continue
        source = FENCE.search(sample.messages[1][1])
        tests = tuple(
            line for line in sample.messages[0][1].split("\n") if line.startswith("assert")
        )
        assert source is not None
        right = first_failure(source[1], tests) is None
        assert sample.messages[-1][1] == (formats.CODE_RIGHT if right else formats.CODE_WRONG)
        said[sample.messages[-1][1]] += 1
    assert min(said.values()) > 50


def test_a_trace_is_what_the_program_does() -> None:
    loop = (
        "def f(xs):\n    total = 0\n    for x in xs:\n        total = total + x\n    return total"
    )
    assert trace(loop, "f([2, 3])") == (
        "Line 2: total = 0\nLine 3: x = 2\nLine 4: total = 2\nLine 3: x = 3\n"
        "Line 4: total = 5\nIt returns 5."
    )
    assert trace("def f():\n    return y", "f()") == "It raises NameError: name 'y' is not defined."


def test_every_capability_occurs_in_the_mixture(rng: random.Random) -> None:
    kinds = Counter(mix.draw_sample(rng).kind for _ in range(6_000))
    wanted = {"solve", "shots", "p_true", "p_true_check", "feedback", "refine", "code", "repair",
              "explain", "trace", "code_verdict", "task_list", "instances", "principles", "camel",
              "importance", "insights", "plan", "dialogue", "caption"}  # fmt: skip
    assert wanted <= set(kinds)


def test_few_targets_are_spoiled_and_no_verdict_is(rng: random.Random) -> None:
    spoiled = [mix.spoil(mix.solve(rng), rng) for _ in range(50)]
    assert any(final(sample.messages[-1][1]) is None for sample in spoiled)
    assert mix.SPOILED <= 0.02
    verdicts: list[Sample] = [s for s in (mix.draw_sample(rng) for _ in range(3_000)) if s.verdict]
    assert all(re.search(r"\([AB]\)$", sample.messages[-1][1]) for sample in verdicts)
