"""Reads a model from a safetensors file: its tensors in single precision, its configuration, its card.

The format (https://huggingface.co/docs/safetensors): eight bytes with the length of a JSON header,
the header, the tensors. Half precision takes half the space, and is exact for weights that were
trained in it. Eight bits per weight take half of that: each row of an I8 matrix `name` is
multiplied by its entry of `name.scale`.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_TYPES = {"F32": "<f4", "F16": "<f2", "I8": "|i1"}
_HEADER = 16 << 20
"""Most bytes of a header; anything longer is not a safetensors file."""


class Shape(NamedTuple):
    """The sizes of a Llama, from its Hugging Face configuration."""

    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    context: int
    """Tokens of prompt and reply together."""
    epsilon: float
    theta: float

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Shape":
        """Raises ValueError if the decoder does not support this configuration."""
        rope = cast("dict[str, Any]", config.get("rope_parameters") or config)
        if rope.get("rope_type", "default") != "default" or config.get("rope_scaling"):
            raise ValueError("expected plain rotary positions, found a scaled kind")
        if not config.get("tie_word_embeddings", False):
            raise ValueError("expected tie_word_embeddings: the output matrix is the embedding")
        heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
        return cls(
            width=width,
            inner=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or width // heads),
            vocabulary=int(config["vocab_size"]),
            context=int(config["max_position_embeddings"]),
            epsilon=float(config.get("rms_norm_eps", 1e-6)),
            theta=float(rope.get("rope_theta", 10_000.0)),
        )


class Weights(NamedTuple):
    """The content of a weights file."""

    tensors: dict[str, Floats]
    """By the names of Hugging Face's LlamaForCausalLM."""
    shape: Shape
    card: dict[str, Any]
    """A description of the model with its figures; empty if the file has none."""

    @property
    def parameters(self) -> int:
        return sum(tensor.size for tensor in self.tensors.values())


def read_weights(file: Path) -> Weights:
    """Read a weights file. Raises ValueError if it is broken or of another kind."""
    data = file.read_bytes()
    header, start = _header(data, file)
    facts = cast("dict[str, str]", header.pop("__metadata__", {}))
    if "config" not in facts:
        raise ValueError(f"{file}: expected the configuration in the header, found none")
    raw = {name: _tensor(data, entry, start, f"{file}: {name}") for name, entry in header.items()}
    tensors: dict[str, Floats] = {}
    for name, tensor in raw.items():
        if name.endswith(".scale") and name.removesuffix(".scale") in raw:
            continue
        whole = tensor.astype(np.float32)
        if tensor.dtype == np.int8:
            if (scale := raw.get(f"{name}.scale")) is None or scale.shape != tensor.shape[:1]:
                raise ValueError(f"{file}: {name} has eight bits and no {name}.scale for its rows")
            whole *= scale.astype(np.float32)[:, None]
        tensors[name] = whole
    return Weights(
        tensors, Shape.of(json.loads(facts["config"])), json.loads(facts.get("card", "{}"))
    )


def read_card(file: Path) -> dict[str, Any]:
    """Only the card; the tensors are not read."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header, _ = _header(length.to_bytes(8, "little") + stream.read(min(length, _HEADER)), file)
    return json.loads(header.get("__metadata__", {}).get("card", "{}"))


def _header(data: bytes, file: Path) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors begin."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, _HEADER):
        raise ValueError(f"{file}: expected a safetensors file, found something else")
    return json.loads(data[8 : 8 + length]), 8 + length


def _tensor(data: bytes, entry: dict[str, Any], start: int, what: str) -> NDArray[Any]:
    if (kind := entry["dtype"]) not in _TYPES:
        raise ValueError(f"{what}: expected one of {', '.join(_TYPES)}, found {kind}")
    first, last = entry["data_offsets"]
    shape = tuple(int(size) for size in entry["shape"])
    dtype = np.dtype(_TYPES[kind])
    count = int(np.prod(shape, dtype=np.int64))
    if not 0 <= first <= last <= len(data) - start or last - first != count * dtype.itemsize:
        raise ValueError(f"{what}: the file is cut off, or its header is wrong")
    return np.frombuffer(data, dtype, count, start + first).reshape(shape)
