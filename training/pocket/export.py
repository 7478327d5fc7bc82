"""Writes a model as package weights (safetensors), as a Hugging Face folder and as GGUF."""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from training.pocket.model import Llama, Shape
from training.pocket.tokenizer import CHAT_TEMPLATE, END, PAD, SPECIALS

Tensors = dict[str, np.ndarray]


def write_weights(model: Llama, card: dict[str, object], path: Path) -> None:
    """Half-precision tensors with the configuration and the card in the header."""
    tensors = {
        name: p.detach().to("cpu", torch.float16).numpy() for name, p in model.state_dict().items()
    }
    metadata = {"config": json.dumps(model.shape.config()), "card": json.dumps(card)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path), metadata=metadata)
    path.chmod(0o644)  # the library writes files for the owner only


def read_weights(path: Path) -> tuple[Tensors, dict[str, int | float | bool]]:
    """Tensors in float32 and the configuration."""
    with safe_open(str(path), "np") as f:
        tensors = {k: f.get_tensor(k).astype(np.float32) for k in f.keys()}  # noqa: SIM118
        return tensors, json.loads(f.metadata()["config"])


def read_model(path: Path) -> Llama:
    """The exported weights as a PyTorch model, so that what is measured is what is shipped."""
    tensors, config = read_weights(path)
    model = Llama(Shape(**config))  # type: ignore[arg-type]  # the header holds a Shape's fields
    model.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
    return model


def write_hugging_face(weights: Path, tokenizer: Path, out: Path) -> None:
    """A folder for `LlamaForCausalLM.from_pretrained`, in float32."""
    tensors, config = read_weights(weights)
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(out / "model.safetensors"), metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    end, pad = SPECIALS.index(END), SPECIALS.index(PAD)
    ends = {"eos_token_id": end, "pad_token_id": pad, "bos_token_id": None}
    heads = int(config["hidden_size"]) // int(config["num_attention_heads"])
    files: dict[str, dict[str, object]] = {
        "config.json": {
            **config, **ends, "model_type": "llama", "architectures": ["LlamaForCausalLM"],
            "hidden_act": "silu", "head_dim": heads, "attention_bias": False, "mlp_bias": False,
            "dtype": "float32", "torch_dtype": "float32",
            "rope_parameters": {"rope_type": "default", "rope_theta": config["rope_theta"]},
        },
        # transformers serve decodes greedily, whatever is asked, unless this says otherwise
        "generation_config.json": {**ends, "do_sample": True},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": PAD,
            "model_max_length": config["max_position_embeddings"],
            "clean_up_tokenization_spaces": False, "chat_template": CHAT_TEMPLATE,
        },
    }  # fmt: skip
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, indent=1))
    (out / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    (out / "tokenizer.json").write_bytes(tokenizer.read_bytes())


NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def gguf_name(name: str) -> str:
    """`model.layers.0.mlp.up_proj.weight` to `blk.0.ffn_up.weight`."""
    if name.startswith("model.layers."):
        _, _, layer, rest = name.split(".", 3)
        return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"
    return {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
    }[name]


def interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key matrix in llama.cpp's rotary order (pairs next to each other)."""
    rows, columns = weight.shape
    split = weight.reshape(heads, 2, rows // heads // 2, columns)
    return split.swapaxes(1, 2).reshape(rows, columns)


def write_gguf(weights: Path, tokenizer: Path, out: Path, half: bool = True) -> None:
    """A GGUF file for llama.cpp, in float16 (or float32)."""
    tensors, config = read_weights(weights)
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(out), "llama")
    heads, kv_heads = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
    writer.add_name("understudy-pocket")
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_rope_freq_base(float(config["rope_theta"]))
    writer.add_rope_dimension_count(int(config["hidden_size"]) // heads)
    writer.add_vocab_size(int(config["vocab_size"]))
    add_tokenizer(writer, tokenizer)
    for name, tensor in tensors.items():
        data = tensor
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            data = interleave(tensor, heads if "q_proj" in name else kv_heads)
        matrix = data.ndim == 2 and half
        writer.add_tensor(
            gguf_name(name), np.ascontiguousarray(data.astype("f2" if matrix else "f4"))
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Path) -> None:
    model = json.loads(tokenizer.read_text())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if t in SPECIALS else normal for t in tokens])
    writer.add_token_merges(merges)
    writer.add_eos_token_id(SPECIALS.index(END))
    writer.add_pad_token_id(SPECIALS.index(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
