"""The same weights under others' engines: the same greedy tokens, the same log-probabilities.

    UNDERSTUDY_LLAMA_SERVER=.../llama-server python benchmarks/pocket_engines.py

Exports the built-in teacher as a Hugging Face folder and as GGUF and lets `transformers` and
llama.cpp's `llama-server` (skipped where the variable is unset) answer 200 prompts, one in four of
which is of a kind the model knows nothing of. All work in single precision. Needs `torch transformers
safetensors tokenizers gguf` beside the package.

Two log-probabilities count as the same where they differ by less than 1e-3 of the larger one or by less
than 1e-4: those of near certain tokens are close to 0, and single precision has no more digits there.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from training.pocket.export import write_gguf, write_hugging_face  # noqa: E402
from understudy.pocket.cache import RowBatch  # noqa: E402
from understudy.pocket.models import FILES, FOLDER, TOKENIZER, load  # noqa: E402

PROMPTS, TOKENS = 200, 60
STRANGE = (
    "Write a sonnet about the sea.",
    "\u00bfCu\u00e1l es la capital de Francia? \u6771\u4eac\u306f\uff1f",
    "def f(x):\n    return",
    "!!! ??? ... 3.14159 $$$",
)


@dataclass
class Answer:
    """A greedy reply: ids, the end token included, and each one's log-probability."""

    ids: list[int]
    logprobs: list[float]


Engine = Callable[[Sequence[int]], Answer]


def main() -> None:
    """Compare and print a table; exits with 1 where an engine differs."""
    model = load("pocket")
    prompts = [model.tokenizer.chat([("user", text)]) for text in texts()]
    ours = pocket(model, prompts)
    print(f"{len(prompts)} prompts, {sum(len(a.ids) for a in ours):,} greedy tokens\n")
    print(f"{'engine':<14} {'same tokens':>12} {'same logprobs':>14} {'largest difference':>20}")
    wrong = False
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        write_hugging_face(FOLDER / FILES["pocket"], FOLDER / TOKENIZER, out / "hf")
        ask = transformers(out / "hf")
        wrong |= compare("transformers", ours, [ask(ids) for ids in prompts])
        if binary := os.environ.get("UNDERSTUDY_LLAMA_SERVER"):
            write_gguf(FOLDER / FILES["pocket"], FOLDER / TOKENIZER, out / "f32.gguf", half=False)
            port, process = llama_server(binary, out / "f32.gguf")
            try:
                ask = llama(port, model.tokenizer.end)
                wrong |= compare("llama-server", ours, [ask(ids) for ids in prompts])
            finally:
                process.terminate()
                process.wait()
    sys.exit(wrong)


def texts() -> list[str]:
    """What the model knows, and now and then what it does not."""
    lines = (ROOT / "src/understudy/data/builtin/arithmetic.jsonl").read_text().splitlines()
    known = [row.get("prompt") or row["question"] for row in map(json.loads, lines)]
    return [
        known[i % len(known)] if i % 4 else f"{STRANGE[i // 4 % len(STRANGE)]} ({i})"
        for i in range(PROMPTS)
    ]


def pocket(model: Any, prompts: Sequence[Sequence[int]]) -> list[Answer]:
    """All prompts in one batch, as the scheduler would have them."""
    decoder, batch = model.decoder, RowBatch[Answer](model.decoder.shape)
    answers = [Answer([], []) for _ in prompts]
    for ids, answer in zip(prompts, answers, strict=True):
        read = decoder.read(ids)
        take(answer, decoder.logits(read.hidden[-1:])[0])
        batch.add(read.prompt, [answer])
    for _ in range(TOKENS - 1):
        batch.discard({id(a) for a in batch.owners if a.ids[-1] == model.tokenizer.end})
        if not (owners := batch.owners):
            break
        logits = decoder.step(batch, [answer.ids[-1] for answer in owners])
        for answer, row in zip(owners, logits, strict=True):
            take(answer, row)
    return answers


def take(answer: Answer, logits: Any) -> None:
    """Add the likeliest token."""
    token = int(logits.argmax())
    answer.ids.append(token)
    answer.logprobs.append(logprob(logits, token))


def logprob(logits: Any, token: int) -> float:
    """In double precision, so that only the logits are compared."""
    row = logits.astype(np.float64)
    return float(row[token] - row.max() - np.log(np.exp(row - row.max()).sum()))


def transformers(folder: Path) -> Engine:
    """Hugging Face's LlamaForCausalLM over the exported folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    end = AutoTokenizer.from_pretrained(folder).eos_token_id

    def ask(ids: Sequence[int]) -> Answer:
        out = model.generate(
            torch.tensor([list(ids)]), attention_mask=torch.ones(1, len(ids)), do_sample=False,
            max_new_tokens=TOKENS, eos_token_id=end, pad_token_id=0,
            return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
        new = out.sequences[0, len(ids) :].tolist()
        rows = [row[0].numpy() for row in out.logits]
        return Answer(new, [logprob(row, t) for row, t in zip(rows, new, strict=True)])

    return ask


def llama_server(binary: str, file: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """A server over the GGUF, its cache in single precision too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binary, "-m", str(file), "--port", str(port), "-c", "768", "-np", "1", "-t", "1",
         "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--log-disable"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
        except OSError:
            time.sleep(0.1)  # noqa: TID251  # a process that starts has no other clock
        else:
            return port, process
    process.kill()
    raise SystemExit("llama-server did not start")


def llama(port: int, end: int) -> Engine:
    """The server, asked with token ids and at temperature 0."""

    def ask(ids: Sequence[int]) -> Answer:
        body = {"prompt": list(ids), "n_predict": TOKENS, "temperature": 0, "n_probs": 1,
                "cache_prompt": False, "return_tokens": True, "top_k": 1}  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/completion", json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request) as response:
            reply = json.load(response)
        tokens = reply["completion_probabilities"]
        found = Answer([t["id"] for t in tokens], [t["logprob"] for t in tokens])
        if reply["stop_type"] == "eos" and (not found.ids or found.ids[-1] != end):
            found.ids.append(end)  # it ends the reply unsaid, and without a probability
        return found

    return ask


def compare(name: str, ours: Sequence[Answer], theirs: Sequence[Answer]) -> bool:
    """Print one line; whether anything differs."""
    same_tokens = sum(a.ids == b.ids for a, b in zip(ours, theirs, strict=True))
    pairs: list[tuple[float, float]] = []
    for a, b in zip(ours, theirs, strict=True):
        for x, y, p, q in zip(a.ids, b.ids, a.logprobs, b.logprobs, strict=False):
            if x != y:
                break
            pairs.append((p, q))
    near = [abs(p - q) <= max(1e-3 * max(abs(p), abs(q)), 1e-4) for p, q in pairs]
    largest = max(abs(p - q) for p, q in pairs)
    print(
        f"{name:<14} {same_tokens:>5} of {len(ours)} {sum(near):>7} of {len(near)} {largest:>20.1e}"
    )
    return same_tokens < len(ours) or not all(near)


if __name__ == "__main__":
    main()
