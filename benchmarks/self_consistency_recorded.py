"""Self-Consistency on recorded chains of thought of real models, through the whole pipeline.

    UNDERSTUDY_DATA=... python benchmarks/self_consistency_recorded.py [--disagreements]

The folder named by UNDERSTUDY_DATA holds `self_consistency/*.jsonl`: 100 multiple-choice questions a
file, ten recorded replies each, with the letter that the recording's authors read off every reply.
Each file is run twice through `understudy.run` and the `recorded` provider: once with the raw replies,
read by our extractor, and once with the authors' letters as replies. Ties count in part, so that the
figures do not depend on the order of draws.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).parent.parent))

import understudy
from tests.conformance.recorded_choices import FILES, Question, disagreements, load
from understudy.text.votes import Curve, measure_curve


def replies(question: Question, whose: str) -> list[str]:
    if whose == "ours":
        return list(question.replies)
    return ["" if letter is None else f"The answer is ({letter})." for letter in question.theirs]


def run(questions: list[Question], whose: str, folder: Path) -> list[understudy.Example]:
    """The examples and rejections' stand-ins of a run over recorded replies."""
    recording = folder / f"{whose}.jsonl"
    with recording.open("w") as out:
        for i, question in enumerate(questions):
            for reply in replies(question, whose):
                out.write(json.dumps({"task": f"q{i}", "reply": reply}) + "\n")
    summary = understudy.run(
        seeds=[
            {"id": f"q{i}", "prompt": f"Question {i}", "choices": q.choices, "reference": q.correct}
            for i, q in enumerate(questions)
        ],
        models={"teacher": f"recorded:{recording}"},
        steps=[{"self_consistency": {"samples": 10, "answer": "choice"}}],
        out=folder / f"run-{whose}",
    )
    assert summary.failed == 0, summary
    return list(understudy.open_run(summary.out).outcomes("self_consistency"))


def curves(made: list[understudy.Example]) -> tuple[Curve, Curve]:
    """With unreadable answers left out of the vote, and with them as one more answer."""
    draws = []
    for row in made:
        reference = cast("str", getattr(row, "reference", None) or row.meta.get("reference"))
        answers = [a if a is None else a.strip("() ").upper() for a in row.meta["answers"]]
        draws.append((answers, reference))
    return measure_curve(draws), measure_curve(draws, count_unreadable=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--disagreements", action="store_true", help="list every one of them")
    options = parser.parse_args()
    if "UNDERSTUDY_DATA" not in os.environ:
        raise SystemExit("Set UNDERSTUDY_DATA to the folder that holds self_consistency/*.jsonl.")
    data = Path(os.environ["UNDERSTUDY_DATA"])
    print(
        f"{'file':<8} {'read by':<8} {'single':>7} {'maj@5':>7} {'maj@10':>7} {'pass@10':>8} {'(*)':>7}"
    )
    for name in FILES:
        questions = load(data, name)
        with tempfile.TemporaryDirectory() as folder:
            for whose in ("theirs", "ours"):
                left_out, counted = curves(run(questions, whose, Path(folder)))
                if whose == "theirs":  # they wrote two marks, '' and N, for what has no letter
                    counted = measure_curve([(q.recorded, q.correct) for q in questions])
                at = dict(
                    zip(
                        left_out.k,
                        zip(left_out.majority, left_out.any_right, strict=True),
                        strict=True,
                    )
                )
                print(
                    f"{name:<8} {whose:<8} {at[1][0]:>7.3f} {at[5][0]:>7.3f} {at[10][0]:>7.3f} "
                    f"{at[10][1]:>8.3f} {counted.majority[-1]:>7.3f}"
                )
        differing = list(disagreements(questions))
        kinds = [d.kind for d in differing]
        print(
            f"{'':<8} {len(differing)} of {10 * len(questions)} replies read differently:", end=" "
        )
        print(", ".join(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds))))
        for d in differing if options.disagreements else ():
            read = f"correct {d.correct}, theirs {d.theirs}, ours {d.ours}"
            print(f"  {d.question}#{d.draw} {read}: {d.tail!r}")
    print("(*) vote of ten with unreadable replies counted as one more answer")
    print("found: only our reading has a letter; lost: only theirs; + the one that reads is right")


if __name__ == "__main__":
    main()
