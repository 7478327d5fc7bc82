"""Batched sampling from a checkpoint in PyTorch, for evaluation and for the model's own answers."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.pocket.chat import Message
from training.pocket.model import Cache, Llama
from training.pocket.tokenizer import END, PAD, render_chat

ROWS = {"cpu": 192, "cuda": 4096}
"""Sequences decoded at once."""


class Speaker:
    """A model and its tokenizer."""

    def __init__(self, model: Llama, tokenizer: Tokenizer) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.device = next(model.parameters()).device
        self.end, self.pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)

    def prompt(self, messages: Sequence[Message], prefixes: str = "") -> list[int]:
        """Ids of a chat that asks for a reply, of which `begun` is already written."""
        head = self.tokenizer.encode(render_chat(tuple(messages), generate=True)).ids
        return head + (self.tokenizer.encode(prefixes).ids if prefixes else [])

    def ask(self, users: Sequence[str], **settings: float) -> list[str]:
        """One reply to each user message."""
        chats: list[Sequence[Message]] = [[("user", u)] for u in users]
        return [replies[0] for replies in self.reply(chats, **settings)]

    def reply(
        self,
        chats: Sequence[Sequence[Message]],
        n: int = 1,
        temperature: float = 0.0,
        tokens: int = 160,
        seed: int = 0,
    ) -> list[list[str]]:
        """`n` replies to each chat; greedy at temperature 0."""
        noise = torch.Generator(self.device).manual_seed(seed)
        prompts = [self.prompt(c) for c in chats]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        step = max(1, ROWS[self.device.type] // n)
        matches: dict[int, list[str]] = {}
        for at in range(0, len(order), step):
            chosen = order[at : at + step]
            rows = self._decode([prompts[i] for i in chosen], n, temperature, tokens, noise)
            for k, i in enumerate(chosen):
                texts = rows[k * n : (k + 1) * n]
                matches[i] = [self.tokenizer.decode(t, skip_special_tokens=True) for t in texts]
        return [matches[i] for i in range(len(prompts))]

    @torch.no_grad()
    def _decode(
        self,
        prompts: list[list[int]],
        n: int,
        temperature: float,
        tokens: int,
        noise: torch.Generator,
    ) -> list[list[int]]:
        width = max(map(len, prompts))
        size = min(width + tokens, self.model.shape.max_position_embeddings)
        cache = Cache(self.model.shape, len(prompts), size, self.device)
        ids, positions, allowed = self._pad_left(prompts, width, size)
        causal = torch.ones(width, width, dtype=torch.bool, device=self.device).tril()
        itself = torch.eye(width, dtype=torch.bool, device=self.device)
        # Padding attends to itself, not to nothing.
        mask = causal[None, None] & allowed[:, None, None, :width] | itself
        logits = self.model(ids, cache, positions, mask, last=True)[:, -1]
        cache.keys = cache.keys.repeat_interleave(n, dim=1)
        cache.values = cache.values.repeat_interleave(n, dim=1)
        logits, allowed = logits.repeat_interleave(n, 0), allowed.repeat_interleave(n, 0)
        at = positions[:, -1:].repeat_interleave(n, 0)
        out: list[list[int]] = [[] for _ in range(len(prompts) * n)]
        live = torch.arange(len(out), device=self.device)
        going = torch.ones(len(out), dtype=torch.bool, device=self.device)
        for k in range(size - width):
            chosen = pick(logits, temperature, noise)
            going &= chosen != self.end
            for row, token in zip(live[going].tolist(), chosen[going].tolist(), strict=True):
                out[row].append(token)
            if not going.any() or k == size - width - 1:
                break
            if going.sum() < 0.75 * len(going):  # finished rows leave in bulk: a copy of the cache
                live, chosen, at, allowed = live[going], chosen[going], at[going], allowed[going]
                cache.keys, cache.values = cache.keys[:, going], cache.values[:, going]
                going = going[going]
            at = at + 1
            visible = allowed[:, None, None, : cache.length + 1]
            logits = self.model(chosen[:, None], cache, at, visible, last=True)[:, -1]
        return out

    def _pad_left(
        self, prompts: list[list[int]], width: int, size: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Ids, positions and which cache columns each row may attend to."""
        ids = torch.full((len(prompts), width), self.pad)
        positions = torch.zeros(len(prompts), width, dtype=torch.long)
        allowed = torch.ones(len(prompts), size, dtype=torch.bool)
        for i, row in enumerate(prompts):
            gap = width - len(row)
            ids[i, gap:], positions[i, gap:] = torch.tensor(row), torch.arange(len(row))
            allowed[i, :gap] = False
        return ids.to(self.device), positions.to(self.device), allowed.to(self.device)

    @torch.no_grad()
    def p_first(self, chats: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
        """Probability of option (A) against (B), where each reply is begun up to the letter."""
        letters = [self.tokenizer.token_to_id(x) for x in "AB"]
        prompts = [self.prompt(c, prefixes + "(") for c, prefixes in chats]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        matches = [0.0] * len(prompts)
        for at in range(0, len(order), 64):
            chosen = order[at : at + 64]
            rows = [prompts[i] for i in chosen]
            width = max(map(len, rows))
            ids = torch.full((len(rows), width), self.pad)
            for k, row in enumerate(rows):
                ids[k, : len(row)] = torch.tensor(row)
            ends = torch.tensor([len(row) - 1 for row in rows])
            logits = self.model(ids.to(self.device))[torch.arange(len(rows)), ends][:, letters]
            for i, p in zip(chosen, logits.softmax(-1)[:, 0].tolist(), strict=True):
                matches[i] = p
        return matches


def pick(logits: Tensor, temperature: float, noise: torch.Generator) -> Tensor:
    """The next token of each row: the most likely one, or drawn by the Gumbel trick."""
    if temperature == 0:
        return logits.argmax(-1)
    uniform = torch.rand(logits.shape, generator=noise, device=logits.device).clamp_min(1e-20)
    return (logits / temperature - torch.log(-torch.log(uniform))).argmax(-1)
