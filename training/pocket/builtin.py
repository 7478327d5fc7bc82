"""The built-in seeds `builtin:arithmetic`: 500 held-out word problems with their answers.

    python -m training.pocket.builtin

The built-in model never saw them in training; it did see others of the same families.
"""

import json
import random
from pathlib import Path

from training.pocket.problems import make_problem

TARGET = Path(__file__).parents[2] / "src/understudy/data/builtin/arithmetic.jsonl"
NUMBER = 500
SEED = 2027
"""Other than the evaluation's, so that examples and evaluation share questions by chance alone."""


def main() -> None:
    rng, seen = random.Random(SEED), set[str]()
    TARGET.parent.mkdir(exist_ok=True)
    with TARGET.open("w") as out:
        while len(seen) < NUMBER:
            problem = make_problem(rng, held=True)
            if problem.question in seen:
                continue
            seen.add(problem.question)
            name = f"arithmetic-{len(seen):03}"
            row = {"id": name, "prompt": problem.question, "reference": str(problem.answer)}
            out.write(json.dumps(row | {"family": problem.family}) + "\n")


if __name__ == "__main__":
    main()
