"""One byte-level BPE for both models, in which digits never merge.

Trained with a pre-tokenizer that splits off every digit (the first one may carry the space before
it), so no merge of two digits exists; at run time the stock GPT-2 pattern gives the same ids. So
the file works unchanged in Hugging Face tokenizers, llama.cpp (`pre = gpt-2`) and the package's own.
"""

import itertools
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training.pocket.chat import FOCUS_WEIGHT, Sample
from training.pocket.mix import stream

VOCABULARY = 1024
SPECIALS = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
PAD, END = "<|pad|>", "<|end|>"
SAMPLES = 30_000
SHORT = 16
"""A shorter reply is weighted up towards one of this many tokens (at most four times)."""
CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(seed: int, path: Path) -> Tokenizer:
    """Trains on the mixture and writes `tokenizer.json`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    samples = itertools.islice(stream(seed), SAMPLES)
    tokenizer.train_from_iterator((text for s in samples for _, text in s.messages), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer


def render_chat(messages: tuple[tuple[str, str], ...], generate: bool = False) -> str:
    """The chat template, as text."""
    text = "".join(f"<|{role}|>{content}<|end|>" for role, content in messages)
    return text + "<|assistant|>" if generate else text


class Encoder:
    """Samples to token ids and loss weights."""

    def __init__(self, tokenizer: Tokenizer, verdict_weight: float) -> None:
        self.tokenizer = tokenizer
        self.verdict_weight = verdict_weight
        self.letters = {tokenizer.token_to_id("A"), tokenizer.token_to_id("B")}

    def encode(self, sample: Sample) -> tuple[list[int], list[float]]:
        """Ids and the loss weight of predicting each; special role tokens weigh nothing."""
        ids: list[int] = []
        weights: list[float] = []
        last = len(sample.messages) - 1
        for i, (role, text) in enumerate(sample.messages):
            encoded = self.tokenizer.encode(text)
            body = encoded.ids
            roles = role == "assistant" and sample.kind == "camel"
            scale = min(4.0, max(1.0, SHORT / (len(body) + 1)))
            weight = scale * sample.reply_weight if i == last or roles else sample.prompt_weight
            inner = [weight] * len(body)
            if sample.verdict and i == last:
                at = max(k for k, t in enumerate(body) if t in self.letters)
                inner[at] = self.verdict_weight
            if i == last and sample.focus[1]:
                start, stop = sample.focus
                inner = [
                    w * FOCUS_WEIGHT if a < stop and b > start else w
                    for w, (a, b) in zip(inner, encoded.offsets, strict=True)
                ]
            end = weight if i == last or roles else 0.0
            ids += [self.tokenizer.token_to_id(f"<|{role}|>"), *body]
            ids.append(self.tokenizer.token_to_id(END))
            weights += [0.0, *inner, end]
        return ids, weights
