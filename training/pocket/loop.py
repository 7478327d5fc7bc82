"""The training loop: length-sorted micro-batches, Muon for matrices, AdamW for the rest.

A step gathers micro-batches of several lengths, so little is padding and every step still sees the
whole mixture. The loop sleeps between steps while the file `/tmp/pause-training` exists.
"""

import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.pocket.chat import Sample
from training.pocket.model import Llama
from training.pocket.muon import Muon
from training.pocket.tokenizer import Encoder

PAUSE = Path("/tmp/pause-training")
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
"""Without the instruction bfloat16 is emulated, fifty times slower than float32 (measured)."""
LONGEST = 640
"""Longer samples are dropped: they are rare and slow."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    step_tokens: int = 4096
    """Tokens of one optimiser step, padding included."""
    micro: int = 3
    """Micro-batches of one step, each of its own length."""
    muon: float = 0.02
    adam: float = 4e-3
    warmup: int = 30
    decay: float = 0.4
    """Share of the steps, at the end, over which the rate falls linearly to 3 %."""
    save_seconds: float = 120.0

    def rate(self, step: int) -> float:
        rising = min(1.0, (step + 1) / self.warmup)
        left = (self.steps - step) / max(1.0, self.decay * self.steps)
        return rising * max(0.03, min(1.0, left))


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    weights: Tensor
    """Loss weight of predicting each id."""


def batches(
    samples: Iterator[Sample], encoder: Encoder, schedule: Schedule, seed: int
) -> Iterator[list[Batch]]:
    """Steps: each a list of micro-batches of differing lengths."""
    rng = random.Random(seed)
    budget = schedule.step_tokens // schedule.micro
    while True:
        rows = [encoder.encode(s) for s in itertools.islice(samples, 4096)]
        if not rows:
            return
        rows = sorted((r for r in rows if len(r[0]) <= LONGEST), key=lambda r: len(r[0]))
        groups: list[list[tuple[list[int], list[float]]]] = [[]]
        for row in rows:
            if (len(groups[-1]) + 1) * len(row[0]) > budget and groups[-1]:
                groups.append([])
            groups[-1].append(row)
        rng.shuffle(groups)
        for i in range(0, len(groups) - schedule.micro + 1, schedule.micro):
            yield [pad(g) for g in groups[i : i + schedule.micro]]


def pad(rows: list[tuple[list[int], list[float]]]) -> Batch:
    width = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    weights = torch.zeros(len(rows), width)
    for i, (row, weight) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        weights[i, : len(row)] = torch.tensor(weight)
    return Batch(ids, weights)


def optimizers(model: Llama, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embedding and norms."""
    named = [(n, p) for n, p in model.named_parameters()]
    matrices = [p for n, p in named if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in named if p.ndim != 2 or "embed" in n]
    return [
        Muon(matrices, lr=schedule.muon),
        torch.optim.AdamW(others, lr=schedule.adam, betas=(0.9, 0.97), weight_decay=0.0),
    ]


def loss_sum(model: Llama, batch: Batch) -> Tensor:
    """Weighted sum of token losses."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=HAS_BF16):
        logits = model(batch.ids[:, :-1])
    weights = batch.weights[:, 1:].reshape(-1)
    used = weights > 0
    losses = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1])[used].float(),
        batch.ids[:, 1:].reshape(-1)[used],
        reduction="none",
    )
    return (losses * weights[used]).sum()


@dataclass
class Progress:
    """What a training run has used so far."""

    step: int = 0
    tokens: int = 0
    """Tokens processed, padding included."""
    seconds: float = 0.0
    loss: float = 0.0


def train(
    model: Llama,
    samples: Iterator[Sample],
    encoder: Encoder,
    schedule: Schedule,
    out: Path,
    seed: int,
    until: int | None = None,
) -> Progress:
    """Trains in place, up to step `until` of the schedule; keeps `out`/latest.pt and a log there.

    If `out`/latest.pt exists, training goes on from there: an interrupted run may be continued, also
    with another number of steps as long as the old rate had not begun to fall.
    """
    out.mkdir(parents=True, exist_ok=True)
    tuned = optimizers(model, schedule)
    bases = [[group["lr"] for group in o.param_groups] for o in tuned]
    latest, progress, saved = out / "latest.pt", Progress(), time.monotonic()
    if latest.exists():
        progress = load(model, latest, tuned)
    for step, micros in enumerate(batches(samples, encoder, schedule, seed)):
        if step >= (until or schedule.steps):
            break
        if step < progress.step:
            continue
        while PAUSE.exists():
            time.sleep(2)  # noqa: TID251 - the wait itself is what is wanted
        started = time.monotonic()
        for o, lrs in zip(tuned, bases, strict=True):
            for group, lr in zip(o.param_groups, lrs, strict=True):
                group["lr"] = lr * schedule.rate(step)
        total = sum(float(b.weights[:, 1:].sum()) for b in micros)
        loss = 0.0
        for batch in micros:
            part = loss_sum(model, batch) / total
            part.backward()
            loss += float(part.detach())
        for o in tuned:
            o.step()
            o.zero_grad(set_to_none=True)
        progress.loss = loss if step == 0 else 0.98 * progress.loss + 0.02 * loss
        progress.step = step + 1
        progress.tokens += sum(b.ids.numel() for b in micros)
        progress.seconds += time.monotonic() - started
        if step % 25 == 0:
            report(progress, out)
        if time.monotonic() - saved > schedule.save_seconds:
            save(model, progress, latest, tuned)
            saved = time.monotonic()
    report(progress, out)
    save(model, progress, latest, tuned)
    return progress


def report(progress: Progress, out: Path) -> None:
    line = json.dumps({k: round(v, 4) for k, v in vars(progress).items()})
    with (out / "log.jsonl").open("a") as log:
        log.write(line + "\n")
    print(line, flush=True)


def save(model: Llama, progress: Progress, path: Path, tuned: list[torch.optim.Optimizer]) -> None:
    """A checkpoint, put in place atomically."""
    states = [o.state_dict() for o in tuned]
    found = {"model": model.state_dict(), "progress": vars(progress), "optimizers": states}
    torch.save(found, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def load(model: Llama, path: Path, tuned: Sequence[torch.optim.Optimizer] = ()) -> Progress:
    """Loads a checkpoint into the model and, to go on training, into its optimisers."""
    found = torch.load(path, weights_only=True)
    model.load_state_dict(found["model"])
    for o, state in zip(tuned, found["optimizers"], strict=False):
        o.load_state_dict(state)
    return Progress(**found["progress"])
