"""What feedback is worth to the built-in model: Self-Debug and Self-Refine on its own seeds.

    python benchmarks/feedback.py [--functions 250] [--problems 300]

Self-Debug under each kind of feedback that the model knows, with plain resampling at the same number of
tokens beside the usual one; Self-Refine at the paper's temperature, greedily, and with the reference as
oracle. Prints what `understudy show` says of each run. The model is for demonstrations: the figures say
that the methods do what they should, not how well they do it.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import understudy
from understudy.reports.account import give_account
from understudy.runs.reader import Run

DEBUG: dict[str, dict[str, Any]] = {
    "feedback=unit_test resample=true": {"resample": True},
    "feedback=simple": {"feedback": "simple"},
    "feedback=unit_test_explanation": {"feedback": "unit_test_explanation"},
    "feedback=execution_trace": {"feedback": "execution_trace"},
    "feedback=explanation (judges itself)": {"feedback": "explanation"},
}
COLD = {"temperature": 0, "feedback_temperature": 0, "refine_temperature": 0}
REFINE: dict[str, dict[str, Any]] = {
    "defaults": {},
    "greedy": COLD,
    "source=verifier (oracle), greedy": {"source": "verifier", **COLD},
}


def show(title: str, method: str, settings: dict[str, Any], seeds: str, n: int, out: Path) -> None:
    """One run, and the account that its method gives."""
    understudy.run(
        seeds=f"builtin:{seeds}", max_seeds=n, models={"teacher": "pocket"},
        steps=[{method: settings}], out=str(out),
    )  # fmt: skip
    run = Run(out)
    account = give_account(run, run.labels[0])
    assert account is not None
    print(f"== {method}, {n} of builtin:{seeds}: {title}")
    print(account.text, end="\n\n", flush=True)
    run.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=250)
    parser.add_argument("--problems", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for i, (title, settings) in enumerate(DEBUG.items()):
            settings = {"accept": "all", **settings}
            out = Path(folder) / f"debug-{i}"
            show(title, "self_debug", settings, "functions", args.functions, out)
        for i, (title, settings) in enumerate(REFINE.items()):
            out = Path(folder) / f"refine-{i}"
            show(title, "self_refine", settings, "arithmetic", args.problems, out)


main()
