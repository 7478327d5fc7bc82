"""The built-in seeds `builtin:arithmetic` and `builtin:functions`: held-out tasks with what is right.

    python -m training.pocket.builtin

500 word problems with their answers, and 250 specifications of small Python functions with tests: those
in `visible_tests` are shown to the model, `tests` has them and more. The built-in model never saw these
tasks in training; it did see others of the same families.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from training.pocket.functions import make_task
from training.pocket.problems import SIZES, make_problem

FOLDER = Path(__file__).parents[2] / "src/understudy/data/builtin"
SEED = 2027
"""Other than the evaluation's, so that examples and evaluation share tasks by chance alone."""

Row = dict[str, object]


def arithmetic(rng: random.Random) -> Iterator[Row]:
    while True:
        problem = make_problem(rng, evaluation=True)
        row = {"prompt": problem.question, "reference": str(problem.answer)}
        yield row | {"family": problem.family, "numbers": SIZES[problem.level]}


def functions(rng: random.Random) -> Iterator[Row]:
    while True:
        task = make_task(rng, evaluation=True)
        tests = [*task.asserts, *task.hidden_tests]
        yield {"prompt": task.spec, "visible_tests": list(task.asserts), "tests": tests}


def write(name: str, rows: Iterator[Row], number: int) -> None:
    """The first `number` rows with different prompts and tests."""
    unique: dict[str, Row] = {}
    while len(unique) < number:
        row = next(rows)
        unique.setdefault(json.dumps(row), row)
    with (FOLDER / f"{name}.jsonl").open("w") as out:
        for i, row in enumerate(unique.values(), 1):
            out.write(json.dumps({"id": f"{name}-{i:03}", **row}) + "\n")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    write("arithmetic", arithmetic(random.Random(SEED)), 500)
    write("functions", functions(random.Random(SEED)), 250)


if __name__ == "__main__":
    main()
