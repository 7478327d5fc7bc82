"""The tiny Llama of `tiny.py` as a folder that `transformers` loads.

    python tests/servers/tiny_folder.py FOLDER

Needs `transformers` with `torch`, and no download.
"""

import sys
from pathlib import Path

import torch
from tiny import CONTEXT, HEADS, INNER, LAYERS, SPECIAL, TEMPLATE, WIDTH, letters, weights
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}


def main(folder: str) -> None:
    """Write configuration, weights and tokenizer to `folder`."""
    tokens = [*SPECIAL, *letters()]
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    model = LlamaForCausalLM(config)
    model.load_state_dict({_name(n): torch.tensor(t).float() for n, t in weights().items()})
    model.generation_config.do_sample = True  # the server is greedy without, whatever is asked
    model.generation_config.max_length = None
    model.save_pretrained(folder)
    plain = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        pad_token=SPECIAL[2],
        chat_template=TEMPLATE,
    )
    tokenizer.save_pretrained(folder)


def _name(name: str) -> str:
    """A tensor's name in the folder, from its name in a GGUF file."""
    if not name.startswith("blk."):
        return f"{NAMES[name.removesuffix('.weight')]}.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.weight"


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    main(sys.argv[1])
