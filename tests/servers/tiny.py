"""The weights and the vocabulary of a tiny Llama that says nonsense of a useful kind.

Weights are random, but for one dimension of the embedding, the same for every token: through it the
output leans towards digits, letters, blanks, line ends and the end of the text. So replies hold
numbers, stop strings come up, replies end by themselves, and now and then there is a byte that is
no UTF-8. Tensors have their GGUF names.
"""

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


def letters() -> list[str]:
    """The character that stands for each byte in GPT-2's byte-level vocabularies: itself where it
    can be seen, else the next free one from 256 on."""
    seen = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(b) if b in seen else chr(256 + hidden.index(b)) for b in range(256)]


def weights() -> dict[str, np.ndarray]:
    """Every tensor by its name in a GGUF file; the same at every call."""
    rng, tokens = np.random.default_rng(0), len(SPECIAL) + 256

    def drawn(rows: int, columns: int) -> np.ndarray:
        return rng.normal(0, columns**-0.5, (rows, columns))

    embedding = rng.normal(0, 1, (tokens, WIDTH))
    embedding[:, 0] = 4.0
    made = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH)}
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        made[f"{block}.attn_norm.weight"] = np.ones(WIDTH)
        made[f"{block}.ffn_norm.weight"] = np.ones(WIDTH)
        for part in ("attn_q", "attn_k", "attn_v"):
            made[f"{block}.{part}.weight"] = drawn(WIDTH, WIDTH)
        made[f"{block}.attn_output.weight"] = _silent(drawn(WIDTH, WIDTH))
        made[f"{block}.ffn_gate.weight"] = drawn(INNER, WIDTH)
        made[f"{block}.ffn_up.weight"] = drawn(INNER, WIDTH)
        made[f"{block}.ffn_down.weight"] = _silent(drawn(WIDTH, INNER))
    output = rng.normal(0, 0.15, (tokens, WIDTH))
    output[:, 0] = _leanings() / 2.5  # about what the constant dimension is after the last norm
    made["output.weight"] = output
    return made


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
