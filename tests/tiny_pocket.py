"""A pocket model with random weights, in files of its own, and a plain decoder to compare with.

Nothing here depends on what the shipped weights know.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.pocket.decoder import Decoder
from understudy.pocket.models import FILES, TOKENIZER
from understudy.pocket.tokenizer import Tokenizer, byte_letters
from understudy.pocket.weights import Shape, Weights

SPECIAL = ["<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
MERGES = [("h", "e"), ("Ġ", "t"), ("Ġt", "he"), ("l", "l"), ("e", "r"), ("Ġ", "1"), ("he", "ll"),
          ("hell", "o"), ("Ã", "©"), ("Ġ", "Ġ"), ("'", "s")]  # fmt: skip
CONTEXT = 96

Tensors = dict[str, NDArray[np.float32]]


def tokenizer_json() -> dict[str, Any]:
    """A Hugging Face tokenizer file: the bytes and a few merges."""
    tokens = [*SPECIAL, *byte_letters(), *("".join(pair) for pair in MERGES)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for i, name in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
        },
        "post_processor": None,
        "decoder": {
            "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True,
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [list(pair) for pair in MERGES],
        },
    }  # fmt: skip


def config(**changes: Any) -> dict[str, Any]:
    """A Llama configuration: grouped heads, a vocabulary that is no multiple of anything."""
    return {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": len(SPECIAL) + 256 + len(MERGES), "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "tie_word_embeddings": True,
    } | changes  # fmt: skip


def tensors(settings: dict[str, Any], seed: int = 0) -> Tensors:
    """Random weights by the names of Hugging Face's LlamaForCausalLM."""
    random = np.random.default_rng(seed)
    width, inner = settings["hidden_size"], settings["intermediate_size"]
    kv = width // settings["num_attention_heads"] * settings["num_key_value_heads"]

    def matrix(rows: int, columns: int, scale: float = 1.5) -> NDArray[np.float32]:
        return random.normal(0, scale * columns**-0.5, (rows, columns)).astype(np.float32)

    def factors() -> NDArray[np.float32]:
        return random.uniform(0.5, 1.5, width).astype(np.float32)

    found = {"model.embed_tokens.weight": matrix(settings["vocab_size"], width, 3.0)}
    for i in range(settings["num_hidden_layers"]):
        at = f"model.layers.{i}"
        found |= {
            f"{at}.input_layernorm.weight": factors(),
            f"{at}.self_attn.q_proj.weight": matrix(width, width),
            f"{at}.self_attn.k_proj.weight": matrix(kv, width),
            f"{at}.self_attn.v_proj.weight": matrix(kv, width),
            f"{at}.self_attn.o_proj.weight": matrix(width, width),
            f"{at}.post_attention_layernorm.weight": factors(),
            f"{at}.mlp.gate_proj.weight": matrix(inner, width),
            f"{at}.mlp.up_proj.weight": matrix(inner, width),
            f"{at}.mlp.down_proj.weight": matrix(width, inner),
        }
    return found | {"model.norm.weight": factors()}


def write_safetensors(
    file: Path, arrays: dict[str, NDArray[Any]], metadata: dict[str, str] | None = None
) -> None:
    """The format, written by hand."""
    kinds = {"float32": "F32", "float16": "F16", "int8": "I8", "float64": "F64"}
    header: dict[str, Any] = {"__metadata__": metadata} if metadata is not None else {}
    at = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": kinds[array.dtype.name],
            "shape": array.shape,
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in arrays.values())
    file.write_bytes(len(text).to_bytes(8, "little") + text + data)


def folder(path: Path, card: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A weights folder, as the package ships one."""
    path.mkdir(parents=True, exist_ok=True)
    (path / TOKENIZER).write_text(json.dumps(tokenizer_json()))
    for seed, name in enumerate(FILES.values()):
        settings = config(**changes)
        halves = {k: v.astype(np.float16) for k, v in tensors(settings, seed).items()}
        metadata = {"config": json.dumps(settings), "card": json.dumps(card or {})}
        write_safetensors(path / name, halves, metadata)
    return path


def tokenizer(path: Path) -> Tokenizer:
    (path / TOKENIZER).write_text(json.dumps(tokenizer_json()))
    return Tokenizer.read(path / TOKENIZER)


def decoder(seed: int = 0, **changes: Any) -> Decoder:
    settings = config(**changes)
    return Decoder(Weights(tensors(settings, seed), Shape.of(settings), {}))


def plain_logits(weights: Tensors, settings: dict[str, Any], ids: list[int]) -> NDArray[np.float64]:
    """(token, vocabulary) logits: the textbook's Llama, one sequence, no cache, in double precision."""
    heads, kv_heads = settings["num_attention_heads"], settings["num_key_value_heads"]
    size, half = settings["hidden_size"] // heads, settings["hidden_size"] // heads // 2
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def norm(x: NDArray[Any], factors: NDArray[Any]) -> NDArray[Any]:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + settings["rms_norm_eps"]) * factors

    def turned(x: NDArray[Any]) -> NDArray[Any]:
        angles = np.arange(len(ids))[:, None] * settings["rope_theta"] ** (-np.arange(half) / half)
        a, b = x[:, :half], x[:, half:]
        return np.concatenate(
            [a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], 1
        )

    x = w["model.embed_tokens.weight"][ids]
    for i in range(settings["num_hidden_layers"]):
        at = f"model.layers.{i}"
        h = norm(x, w[f"{at}.input_layernorm.weight"])
        q, k, v = (h @ w[f"{at}.self_attn.{name}_proj.weight"].T for name in "qkv")
        seen = list[NDArray[Any]]()
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            kv = head * kv_heads // heads
            shared = slice(kv * size, (kv + 1) * size)
            scores = turned(q[:, own]) @ turned(k[:, shared]).T / np.sqrt(size)
            scores[np.triu_indices(len(ids), 1)] = -np.inf
            p = np.exp(scores - scores.max(-1, keepdims=True))
            seen.append(p / p.sum(-1, keepdims=True) @ v[:, shared])
        x = x + np.concatenate(seen, 1) @ w[f"{at}.self_attn.o_proj.weight"].T
        h = norm(x, w[f"{at}.post_attention_layernorm.weight"])
        gate = h @ w[f"{at}.mlp.gate_proj.weight"].T
        up = h @ w[f"{at}.mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[f"{at}.mlp.down_proj.weight"].T
    return norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T
