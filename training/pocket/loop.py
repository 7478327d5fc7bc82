"""The training loop: Muon for matrices, AdamW for the rest, in bfloat16 where that is fast.

The loop sleeps between steps while the file `/tmp/pause-training` exists.
"""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.pocket.feed import Batch, Size, Source, feed
from training.pocket.model import Llama
from training.pocket.muon import Muon
from training.pocket.tokenizer import Encoder

PAUSE = Path("/tmp/pause-training")
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
"""Without the instruction bfloat16 is emulated, fifty times slower than float32 (measured)."""
REPORT = 100
"""Steps between two lines of the log: the loss is then fetched from the device."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    size: Size
    muon: float = 0.02
    adam: float = 4e-3
    warmup: int = 30
    decay: float = 0.4
    """Share of the steps, at the end, over which the rate falls linearly to 3 %."""
    save_seconds: float = 60.0

    def rate(self, step: int) -> float:
        rising = min(1.0, (step + 1) / self.warmup)
        left = (self.steps - step) / max(1.0, self.decay * self.steps)
        return rising * max(0.03, min(1.0, left))


def optimizers(model: Llama, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embedding and norms."""
    parameters = [(n, p) for n, p in model.named_parameters()]
    matrices = [p for n, p in parameters if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in parameters if p.ndim != 2 or "embed" in n]
    return [
        Muon(matrices, lr=schedule.muon),
        torch.optim.AdamW(others, lr=schedule.adam, betas=(0.9, 0.97), weight_decay=0.0),
    ]


def loss_sum(model: Llama, batch: Batch, device: torch.device) -> Tensor:
    """Weighted sum of token losses."""
    ids = torch.from_numpy(batch.ids).to(device, non_blocking=True)
    weights = torch.from_numpy(batch.weights).to(device, non_blocking=True)
    fast = device.type == "cuda" or HAS_BF16
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast):
        logits = model(ids[:, :-1])
    losses = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    return losses @ weights[:, 1:].flatten()


@dataclass
class Progress:
    """What a training run has used so far."""

    step: int = 0
    tokens: int = 0
    """Tokens processed, padding included."""
    seconds: float = 0.0
    loss: float = 0.0
    hardware: str = ""


def train(
    model: Llama,
    source: Source,
    encoder: Encoder,
    schedule: Schedule,
    out: Path,
    seed: int,
    until: int | None = None,
    workers: int = 0,
) -> Progress:
    """Trains in place, up to step `until` of the schedule; keeps `out`/latest.pt and a log there.

    If `out`/latest.pt exists, training goes on from there, on data that comes after what it has seen:
    an interrupted run may be continued, also with another number of steps as long as the old rate had
    not begun to fall.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    tuned = optimizers(model, schedule)
    bases = [[group["lr"] for group in o.param_groups] for o in tuned]
    latest, progress, saved = out / "latest.pt", Progress(), time.monotonic()
    if latest.exists():
        progress = load(model, latest, tuned)
    progress.hardware = hardware(device)
    mean = torch.tensor(progress.loss, device=device)
    started, before = time.monotonic(), progress.seconds
    with feed(source, encoder.encode, schedule.size, seed + progress.step, workers) as steps:
        for step in range(progress.step, until or schedule.steps):
            while PAUSE.exists():
                time.sleep(2)  # noqa: TID251 - the wait itself is what is wanted
            for o, lrs in zip(tuned, bases, strict=True):
                for group, lr in zip(o.param_groups, lrs, strict=True):
                    group["lr"] = lr * schedule.rate(step)
            micros = next(steps)
            total = sum(float(b.weights[:, 1:].sum()) for b in micros)
            loss = torch.zeros((), device=device)
            for batch in micros:
                part = loss_sum(model, batch, device) / total
                part.backward()
                loss += part.detach()
            for o in tuned:
                o.step()
                o.zero_grad(set_to_none=True)
            mean = loss if step == 0 else mean.lerp(loss, 0.02)
            progress.step = step + 1
            progress.tokens += sum(b.ids.size for b in micros)
            progress.seconds = before + time.monotonic() - started
            if progress.step % REPORT == 0 or progress.step == (until or schedule.steps):
                progress.loss = float(mean)
                report(progress, out)
            if time.monotonic() - saved > schedule.save_seconds:
                save(model, progress, latest, tuned)
                saved = time.monotonic()
    save(model, progress, latest, tuned)
    return progress


def hardware(device: torch.device) -> str:
    """Processor, cores and graphics card, in words."""
    model = platform.processor() or platform.machine()
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = f"{len(names)} logical cores" if names else "unknown cores"
    card = f", {torch.cuda.get_device_name()}" if device.type == "cuda" else ", 1 thread used"
    return f"{names[0] if names else model}, {cores}{card}, torch {torch.__version__}"


def report(progress: Progress, out: Path) -> None:
    figures = {k: v for k, v in vars(progress).items() if isinstance(v, int | float)}
    line = json.dumps({k: round(v, 4) for k, v in figures.items()})
    with (out / "log.jsonl").open("a") as log:
        log.write(line + "\n")
    print(line, flush=True)


def save(model: Llama, progress: Progress, path: Path, tuned: list[torch.optim.Optimizer]) -> None:
    """A checkpoint, put in place atomically."""
    states = [o.state_dict() for o in tuned]
    checkpoint = {"model": model.state_dict(), "progress": vars(progress), "optimizers": states}
    torch.save(checkpoint, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def load(model: Llama, path: Path, tuned: Sequence[torch.optim.Optimizer] = ()) -> Progress:
    """Loads a checkpoint into the model and, to go on training, into its optimisers."""
    checkpoint = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(checkpoint["model"])
    for o, state in zip(tuned, checkpoint["optimizers"], strict=False):
        o.load_state_dict(state)
    return Progress(**checkpoint["progress"])
