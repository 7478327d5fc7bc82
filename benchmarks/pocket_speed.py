"""How fast the built-in model is: against `transformers` on the same weights, against the arithmetic it
cannot do without, and in the demonstration job.

    python benchmarks/pocket_speed.py

Each figure comes from a process of its own with one thread, engines take turns, and speed is in tokens
per second of processor time, so that other work on the machine weighs on all alike. Needs `torch
transformers safetensors tokenizers gguf` beside the package; where PyTorch is missing, the comparison is
left out.

The floor: every token that is read or written takes two operations per weight of the matrices, the
output's included, and the processor does so many per second in products of two 1024 x 1024 matrices in
single precision, measured for a second in between. Attention, norms, exponentials and drawing the token
are not in it.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

ROWS, NEW = 64, 40
ROUNDS = 3
PROBLEMS, SAMPLES = 500, 10


def main() -> None:
    """Print the table."""
    others = importlib.util.find_spec("transformers") is not None
    with tempfile.TemporaryDirectory() as folder:
        if others:
            export(Path(folder))
        found: dict[str, list[Any]] = {}
        for _ in range(ROUNDS):
            for name in PARTS:
                if others or not name.startswith("transformers"):
                    found.setdefault(name, []).append(measured(name, folder))
        found["job"] = [measured("job", folder)]
    show({name: middle(runs) for name, runs in found.items()})


def export(folder: Path) -> None:
    """The teacher as a Hugging Face folder."""
    from training.pocket.export import write_hugging_face
    from understudy.pocket.models import FILES, FOLDER, TOKENIZER

    write_hugging_face(FOLDER / FILES["pocket"], FOLDER / TOKENIZER, folder)


def measured(name: str, folder: str) -> Any:
    """One part in a new process; its own first line of output."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, __file__, name, folder],
        env=os.environ | threads, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def middle(runs: list[Any]) -> Any:
    """The median of each figure."""
    return {key: median(run[key] for run in runs) for key in runs[0]}


def show(found: dict[str, Any]) -> None:
    floor, start, shared, apart = (found[k] for k in ("floor", "start", "shared", "apart"))
    bound = floor["rate"] / floor["flops"]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {ROUNDS}")
    print(
        f"floor: {floor['flops'] / 1e6:.2f} M operations per token at {floor['rate'] / 1e9:.0f} G per "
        f"second: {bound:,.0f} tokens per CPU-second"
    )
    print(
        f"{f'new tokens per CPU-second at {ROWS} rows':<40} {'pocket':>8} {'floor':>8} {'':>6} "
        f"{'transformers':>13}"
    )
    for what, ours, theirs in (
        (f"{ROWS} samples of one prompt", shared, found.get("transformers_shared")),
        (f"one sample of each of {ROWS} prompts", apart, found.get("transformers_apart")),
    ):
        least = bound / ours["handled"]
        line = f"{what:<40} {ours['speed']:>8,.0f} {least:>8,.0f} {least / ours['speed']:>5.1f}x"
        if theirs:
            line += f" {theirs['speed']:>13,.0f} {ours['speed'] / theirs['speed']:>5.1f}x"
        print(line)
    line = f"start to first token: {start['seconds']:.2f} s of CPU"
    if theirs := found.get("transformers_start"):
        ratio = theirs["seconds"] / start["seconds"]
        line += f"; transformers {theirs['seconds']:.2f} s, {ratio:.0f}x"
    print(line)
    job = found["job"]
    print(
        f"{PROBLEMS} problems x {SAMPLES} samples: {job['cpu']:.1f} s of CPU, {job['wall']:.1f} s on "
        f"the clock, {job['tokens']:,} tokens, {job['tokens'] / job['cpu']:,.0f} per CPU-second, "
        f"peak memory {job['memory'] / 1e6:.0f} MB"
    )


def texts() -> list[str]:
    """The prompts of the built-in problems."""
    lines = (ROOT / "src/understudy/data/builtin/arithmetic.jsonl").read_text().splitlines()
    return [json.loads(line)["prompt"] for line in lines]


def floor(folder: str) -> dict[str, float]:
    """Operations per token, and operations per second."""
    import numpy as np

    from understudy.pocket.models import FILES, FOLDER
    from understudy.pocket.weights import read_weights

    tensors = read_weights(FOLDER / FILES["pocket"]).tensors
    flops = 2 * sum(tensor.size for tensor in tensors.values() if tensor.ndim == 2)
    a = np.random.default_rng(0).random((1024, 1024), np.float32)
    seconds = timed(lambda: [a @ a for _ in range(40)])
    return {"flops": flops, "rate": 40 * 2 * 1024**3 / seconds}


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    longest_prefix = time.process_time()
    work()
    return time.process_time() - longest_prefix


def speed(prompts: list[str], n: int) -> dict[str, float]:
    """`n` samples of each prompt, `NEW` tokens each, through the scheduler."""
    import asyncio

    from understudy.pocket.models import load
    from understudy.pocket.scheduler import Scheduler, generate
    from understudy.pocket.sequence import Job

    model = load("pocket")
    model.tokenizer.end, end = -1, model.tokenizer.end  # no reply ends before its time
    scheduler = Scheduler(model.decoder, model.tokenizer, rows=ROWS)

    chats = [[2, *model.tokenizer.encode(text), end, 3] for text in prompts]

    async def ask(most: int) -> int:
        jobs = [Job(ids=ids, n=n, most=most) for ids in chats]
        results = await asyncio.gather(*(generate(scheduler, job) for job in jobs))
        return sum(reply.tokens_out for result in results for reply in result.replies)

    asyncio.run(ask(2))
    tokens = 0
    longest_prefix = time.process_time()
    for _ in range(3):
        tokens += asyncio.run(ask(NEW))
    seconds = time.process_time() - longest_prefix
    scheduler.close()
    handled = tokens + 3 * sum(map(len, chats))
    return {"speed": tokens / seconds, "handled": handled / tokens}


def transformers_speed(folder: str, prompts: list[str], n: int) -> dict[str, float]:
    """The same by `generate`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    chats = [f"<|user|>{text}<|end|><|assistant|>" for text in prompts]
    inputs = tokenizer(chats, return_tensors="pt", padding=True, add_special_tokens=False)

    def ask(most: int) -> int:
        out = model.generate(
            input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, do_sample=True,
            temperature=1.0, top_k=0, max_new_tokens=most, min_new_tokens=most, pad_token_id=0,
            num_return_sequences=n,
        )  # fmt: skip
        return (out.shape[1] - inputs.input_ids.shape[1]) * out.shape[0]

    ask(2)
    longest_prefix = time.process_time()
    tokens = sum(ask(NEW) for _ in range(3))
    return {"speed": tokens / (time.process_time() - longest_prefix)}


def start(folder: str) -> dict[str, float]:
    """From a new interpreter to the first token, imports and weights included."""
    import asyncio

    from understudy.providers.pocket import Pocket
    from understudy.types import Call, Request, Sampling, WireCall, user

    async def ask() -> None:
        pocket = Pocket()
        request = Request(model="pocket", messages=(user("Hi"),), sampling=Sampling(max_tokens=1))
        await pocket(WireCall.of(Call(request=request)))
        await pocket.close()

    asyncio.run(ask())
    return {"seconds": time.process_time()}


def transformers_start(folder: str) -> dict[str, float]:
    """The same with PyTorch."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = tokenizer("<|user|>Hi<|end|><|assistant|>", return_tensors="pt")
    model.generate(
        input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, max_new_tokens=1,
        do_sample=False, pad_token_id=0,
    )  # fmt: skip
    return {"seconds": time.process_time()}


def job(folder: str) -> dict[str, float]:
    """Self-consistency's calls over the built-in problems, through the provider."""
    import asyncio
    import resource

    from understudy.providers.pocket import Pocket
    from understudy.types import Call, Request, Sampling, WireCall, user

    problems = texts()
    sampling = Sampling(temperature=0.7, max_tokens=160)

    async def ask() -> int:
        pocket = Pocket()
        calls = [
            WireCall.of(Call(request=Request(
                model="pocket", messages=(user(problems[i % len(problems)]),), sampling=sampling,
            )), SAMPLES)
            for i in range(PROBLEMS)
        ]  # fmt: skip
        replies = await asyncio.gather(*map(pocket, calls))
        await pocket.close()
        return sum(
            reply.usage.tokens_out for several in replies for reply in several if reply.usage
        )

    first = time.perf_counter()
    tokens = asyncio.run(ask())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    return {"tokens": tokens, "cpu": time.process_time(), "memory": peak,
            "wall": time.perf_counter() - first}  # fmt: skip


PARTS: dict[str, Callable[[str], dict[str, float]]] = {
    "floor": floor,
    "shared": lambda folder: speed(texts()[:1], ROWS),
    "transformers_shared": lambda folder: transformers_speed(folder, texts()[:1], ROWS),
    "apart": lambda folder: speed(texts()[:ROWS], 1),
    "transformers_apart": lambda folder: transformers_speed(folder, texts()[:ROWS], 1),
    "start": start,
    "transformers_start": transformers_start,
}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps((PARTS | {"job": job})[sys.argv[1]](sys.argv[2])))
    else:
        main()
