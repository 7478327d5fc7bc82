"""Makes the pocket models: `python -m training.pocket [STAGE ...]`, by default all stages in order.

Stages: tokenizer, teacher, own, student, weights, evaluate, card. Work files go to `--work`; a stage
whose file is there already goes on from it or is skipped, so an interrupted run is continued by
the same command. `export --out DIR` writes the Hugging Face folders and GGUF files and is not
part of the default.
"""

import argparse
import datetime
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the workers are forks of this process

import torch
from tokenizers import Tokenizer

from training.pocket import breadth, card, evaluate, export, pages
from training.pocket.chat import VERDICT_WEIGHT, Sample
from training.pocket.feed import Size
from training.pocket.loop import Progress, Schedule, load, train
from training.pocket.mix import DATA_VERSION, stream
from training.pocket.model import STUDENT, TEACHER, Llama, Shape
from training.pocket.own import Asking, blend, own_rows
from training.pocket.problems import make_problem
from training.pocket.sample import Speaker
from training.pocket.tokenizer import Encoder, train_tokenizer

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "src" / "understudy" / "pocket" / "weights"
SEED = 1
PROMPT_NLL_THRESHOLD = 5.0
"""Nats per token of a prompt, the mean over a run's first ones, above which the provider warns that
the model knows nothing of the kind. Measured per prompt: 2.96 at most on the kinds it was trained
on, 4.3 on word problems behind exemplars of our own, 6.1 to 9.6 on ten free-form ones."""
STAGES = ("tokenizer", "teacher", "own", "student", "weights", "evaluate", "card")
SHAPES: dict[str, Shape] = {"teacher": TEACHER, "student": STUDENT}
LARGE, SMALL = Size(tokens=98_304, micro=2), Size(tokens=8192, micro=2)
TEACHING = Schedule(steps=2200, size=LARGE)
LEARNING = Schedule(steps=2800, size=SMALL, decay=0.27)
"""The student's, which is stopped early: it has to have something to learn."""
PROBED, PROBES, ENOUGH = 200, 400, 0.08
"""The student stops when, after each so many steps, it solves that share of so many new problems."""
ROUNDS = (300, 600, 900)
"""Steps at which the rounds of the second phase end; each asks the model, as it then is, anew."""
SECOND = Schedule(steps=ROUNDS[-1], size=LARGE, muon=0.006, adam=1.5e-3, warmup=10, decay=0.9)
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
WORKERS = max(1, (os.cpu_count() or 2) - 2) if DEVICE.type == "cuda" else 0
"""Processes that make training data: a graphics card learns faster than one of them writes."""


class Kitchen:
    """The work folder and what the stages share."""

    def __init__(self, work: Path, quick: bool, share: float, roles: Sequence[str]) -> None:
        self.work, self.quick, self.share, self.roles = work, quick, share, roles
        self.tokenizer_file = work / "tokenizer.json"

    def scale(self, schedule: Schedule) -> Schedule:
        return replace(schedule, steps=round(schedule.steps * self.share))

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.tokenizer_file))

    @property
    def encoder(self) -> Encoder:
        return Encoder(self.tokenizer, VERDICT_WEIGHT)

    def checkpoint(self, name: str) -> Path:
        return self.work / name / "latest.pt"

    def model(self, name: str) -> tuple[Llama, Progress]:
        """A trained model: `own` is the teacher after its second phase."""
        model = Llama(SHAPES["teacher" if name == "own" else name]).to(DEVICE)
        return model, load(model, self.checkpoint(name))

    def tokenizer_stage(self) -> None:
        if not self.tokenizer_file.exists():
            train_tokenizer(SEED - 1, self.tokenizer_file)

    def teacher_stage(self) -> None:
        torch.manual_seed(SEED)
        model = Llama(TEACHER).to(DEVICE)
        schedule = self.scale(TEACHING)
        train(model, stream, self.encoder, schedule, self.work / "teacher", SEED, workers=WORKERS)

    def student_stage(self) -> None:
        torch.manual_seed(SEED + 1)
        model, out = Llama(STUDENT).to(DEVICE), self.work / "student"
        probes = [make_problem(random.Random(SEED + i)) for i in range(PROBES)]
        first_step = self.model("student")[1].step if self.checkpoint("student").exists() else 0
        for until in range(first_step + PROBED, LEARNING.steps + 1, PROBED):
            train(model.train(), stream, self.encoder, LEARNING, out, SEED + 1, until, WORKERS)
            solve_rate = evaluate.solve_rate(Speaker(model, self.tokenizer), probes)
            print(f"the student solves {solve_rate:.3f}", flush=True)
            if solve_rate >= ENOUGH:
                break

    def own_stage(self) -> None:
        """In each round: asks the model as it is, keeps the rows on disk, and trains on."""
        model, _ = self.model("own" if self.checkpoint("own").exists() else "teacher")
        schedule = self.scale(SECOND)
        for k, until in enumerate(round(steps * self.share) for steps in ROUNDS):
            if self.checkpoint("own").exists() and self.model("own")[1].step >= until:
                continue
            rows = self.rows(model, k)
            torch.manual_seed(SEED + k)
            model.train()
            source = partial(blend, rows)
            train(model, source, self.encoder, schedule, self.work / "own", SEED + 50 + k, until,
                  WORKERS)  # fmt: skip

    def rows(self, model: Llama, k: int) -> list[Sample]:
        path = self.work / f"own_rows.{k}.jsonl"
        if not path.exists():
            asking = replace(Asking(), questions=40, tasks=40) if self.quick else Asking()
            rows = own_rows(Speaker(model, self.tokenizer), asking, SEED + 100 + k)
            path.write_text("".join(json.dumps(vars(row)) + "\n" for row in rows))
        return [sample_from(line) for line in path.read_text().splitlines()]

    def weights_stage(self) -> None:
        WEIGHTS.mkdir(parents=True, exist_ok=True)
        (WEIGHTS / "tokenizer.json").write_bytes(self.tokenizer_file.read_bytes())
        best = "own" if self.checkpoint("own").exists() else "teacher"
        for role, name in (("teacher", best), ("student", "student")):
            if not self.checkpoint(name).exists():
                continue
            model, progress = self.model(name)
            about = self.provenance(role, progress, phases=2 if name == "own" else 1)
            about["prompt_nll_threshold"] = PROMPT_NLL_THRESHOLD
            export.write_weights(model, about, WEIGHTS / f"{role}.safetensors")

    def provenance(self, role: str, progress: Progress, phases: int) -> dict[str, object]:
        """What the header of the weights says about them."""
        tokens, seconds = progress.tokens, progress.seconds
        if phases == 2:
            _, before = self.model("teacher")
            tokens, seconds = tokens + before.tokens, seconds + before.seconds
        return {
            "role": role,
            "seed": SEED if role == "teacher" else SEED + 1,
            "data_version": DATA_VERSION,
            "phases": phases,
            "tokens": tokens,
            "train_seconds": round(seconds),
            "parameters": sum(p.numel() for p in Llama(SHAPES[role]).parameters()),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "hardware": progress.hardware,
            "note": self.note,
        }

    @property
    def note(self) -> str:
        """What was done to this run by hand, if anything: `note.txt` in the work folder."""
        path = self.work / "note.txt"
        return path.read_text().strip() if path.exists() else "one uninterrupted run"

    def evaluate_stage(self) -> None:
        """Measures the exported weights, both models, and keeps the figures in the work folder."""
        size = evaluate.QUICK if self.quick else evaluate.Size()
        for role in self.roles:
            started = time.monotonic()
            model = export.read_model(WEIGHTS / f"{role}.safetensors").to(DEVICE)
            speaker = Speaker(model, self.tokenizer)
            figures: dict[str, object] = {"word_problems": evaluate.greedy(speaker, size)}
            if role == "teacher":
                figures = dict(evaluate.measure(speaker, size))
                figures["formats_kept"] = breadth.kept(speaker, size.others)
            figures["evaluation_seconds"] = round(time.monotonic() - started)
            (self.work / f"{role}.figures.json").write_text(json.dumps(figures, indent=1))

    def card_stage(self) -> None:
        figures = {
            role: json.loads((self.work / f"{role}.figures.json").read_text())
            for role in ("teacher", "student")
        }
        card.write(WEIGHTS, figures, ROOT / "docs" / "pocket_card.md")
        pages.write_formats(ROOT / "docs" / "pocket_formats.md")


def sample_from(line: str) -> Sample:
    """A sample from its JSON."""
    fields = json.loads(line)
    fields["messages"] = tuple((role, text) for role, text in fields["messages"])
    fields["focus"] = tuple(fields["focus"])
    return Sample(**fields)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pocket", description=__doc__)
    parser.add_argument("stages", nargs="*", default=STAGES, metavar="STAGE")
    parser.add_argument("--work", type=Path, default=Path("/tmp/pocket-run"))
    parser.add_argument("--out", type=Path, default=Path("/tmp/pocket-export"))
    parser.add_argument("--quick", action="store_true", help="small evaluation, to try the code")
    parser.add_argument("--share", type=float, default=1.0, metavar="PART", help="of the steps to "
                        "take: without a graphics card the whole takes most of a day")  # fmt: skip
    parser.add_argument("--only", choices=SHAPES, help="evaluate one model only")
    args = parser.parse_args()
    torch.set_num_threads(1)
    roles = [args.only] if args.only else list(SHAPES)
    kitchen = Kitchen(args.work, args.quick, args.share, roles)
    args.work.mkdir(parents=True, exist_ok=True)
    stages = {
        "tokenizer": kitchen.tokenizer_stage,
        "teacher": kitchen.teacher_stage,
        "own": kitchen.own_stage,
        "student": kitchen.student_stage,
        "weights": kitchen.weights_stage,
        "evaluate": kitchen.evaluate_stage,
        "card": kitchen.card_stage,
        "export": lambda: export_all(args.out),
    }
    for stage in args.stages:
        print(f"== {stage}", flush=True)
        stages[stage]()


def export_all(out: Path) -> None:
    """Hugging Face folders and GGUF files of both models."""
    for role in ("teacher", "student"):
        weights, tokenizer = WEIGHTS / f"{role}.safetensors", WEIGHTS / "tokenizer.json"
        export.write_hugging_face(weights, tokenizer, out / role)
        export.write_gguf(weights, tokenizer, out / f"{role}.f16.gguf")
        export.write_gguf(weights, tokenizer, out / f"{role}.f32.gguf", half=False)


if __name__ == "__main__":
    main()
