"""A tiny Llama with random weights and a byte-level vocabulary of its own, as a GGUF file.

    python tests/servers/tiny_gguf.py tiny.gguf

Needs `gguf` and `numpy`, and no download; see `tiny.py` for what it says.
"""

import sys

import gguf
import numpy as np
from tiny import CONTEXT, HEADS, INNER, LAYERS, SPECIAL, TEMPLATE, WIDTH, letters, weights


def main(file: str) -> None:
    """Write the model to `file`."""
    tokens = [*SPECIAL, *letters()]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("understudy tiny random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * 256
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ Ġ"])  # the key must be there; the pair is no token, so never used
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in weights().items():
        writer.add_tensor(name, tensor.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
