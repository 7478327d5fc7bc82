"""A tiny Llama with random weights and a byte-level vocabulary of its own, as a GGUF file.

    python tests/servers/tiny_gguf.py tiny.gguf

Needs `gguf` and `numpy`, and no download. What it says is nonsense, but of a useful kind: one
dimension of the embedding is the same for every token, and through it the output leans towards
digits, letters, blanks, line ends and the end of the text. So replies hold numbers, stop strings
come up, replies end by themselves, and now and then there is a byte that is no UTF-8.
"""

import sys

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 8192
SPECIAL = ["<s>", "</s>", "<pad>"]
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
LEANINGS = {
    "0123456789": 3.0,
    "abcdefghijklmnopqrstuvwxyz .\n": 2.5,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ,;:$%=+*/()": 1.0,
}
"""Added to the logit of each of these characters; see `_leanings` for the rest."""


def main(file: str) -> None:
    """Write the model to `file`."""
    rng = np.random.default_rng(0)
    tokens = [*SPECIAL, *_byte_letters()]
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
    for name, weights in _weights(rng, len(tokens)).items():
        writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(rng: np.random.Generator, tokens: int) -> dict[str, np.ndarray]:
    def drawn(rows: int, columns: int) -> np.ndarray:
        return rng.normal(0, columns**-0.5, (rows, columns))

    embedding = rng.normal(0, 1, (tokens, WIDTH))
    embedding[:, 0] = 4.0
    weights = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH)}
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        weights[f"{block}.attn_norm.weight"] = np.ones(WIDTH)
        weights[f"{block}.ffn_norm.weight"] = np.ones(WIDTH)
        for part in ("attn_q", "attn_k", "attn_v"):
            weights[f"{block}.{part}.weight"] = drawn(WIDTH, WIDTH)
        weights[f"{block}.attn_output.weight"] = _silent(drawn(WIDTH, WIDTH))
        weights[f"{block}.ffn_gate.weight"] = drawn(INNER, WIDTH)
        weights[f"{block}.ffn_up.weight"] = drawn(INNER, WIDTH)
        weights[f"{block}.ffn_down.weight"] = _silent(drawn(WIDTH, INNER))
    output = rng.normal(0, 0.15, (tokens, WIDTH))
    output[:, 0] = _leanings() / 2.5  # about what the constant dimension is after the last norm
    weights["output.weight"] = output
    return weights


def _silent(weights: np.ndarray) -> np.ndarray:
    """Without effect on the constant dimension."""
    weights[0] = 0
    return weights


def _leanings() -> np.ndarray:
    leanings = np.full(len(SPECIAL) + 256, -3.0)
    leanings[0] = leanings[2] = -30.0
    leanings[1] = 2.0
    for characters, leaning in LEANINGS.items():
        for character in characters:
            leanings[len(SPECIAL) + ord(character)] = leaning
    return leanings


def _byte_letters() -> list[str]:
    """The character that stands for each byte in GPT-2's byte-level vocabularies: itself where it
    can be seen, else the next free one from 256 on."""
    seen = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(b) if b in seen else chr(256 + hidden.index(b)) for b in range(256)]


if __name__ == "__main__":
    main(sys.argv[1])
