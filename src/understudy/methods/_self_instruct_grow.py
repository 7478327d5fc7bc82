"""The pool of Self-Instruct: batches of prompts made from it, and what of their replies may join it.

Several batches are under way at once. The prompts of one are made from the pool as it is when the
batch is started, which is when an earlier one was taken: so the pool is the same in every run, in
whatever order replies come in, and one `ahead` after the other is the paper's own loop.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from understudy.call.model import Ahead, Model, gather
from understudy.methods import _self_instruct_parse as parse
from understudy.methods import _self_instruct_prompts as prompts
from understudy.methods._self_instruct_parse import Instance, Proposal
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.text.rouge import RougeIndex, split_latin_words, split_words, top_k
from understudy.types import Example, Json, Rejection, Reply, Sampling, Task, user

if TYPE_CHECKING:  # settings stand in the method's own file, which imports this one
    from understudy.methods.self_instruct import Config


class Accepted(NamedTuple):
    """An instruction that joined the pool."""

    instruction: str
    instances: tuple[Instance, ...]
    similarity: float
    """To the most similar of the pool."""
    meta: Json


class Growth:
    """The growing pool; closed by whoever opened it."""

    def __init__(
        self, tasks: Sequence[Task], teacher: Model, rng: Random, config: "Config"
    ) -> None:
        self._teacher, self._rng, self._config = teacher, rng, config
        self._seeds = [task for task in tasks if is_seed(task, config)]
        self._texts = [task.question for task in tasks]
        self._machine = list[str]()
        self._pool = RougeIndex(split_latin_words if config.style == "reference" else split_words)
        for text in self._texts:
            self._pool.add(text)
        self._ahead = Ahead[list[Reply | Refusal]]()
        self._merged = self._idle = 0

    @property
    def ended(self) -> bool:
        """So many batches brought nothing new that more are not asked for."""
        return self._idle >= self._config.patience or not self._seeds

    async def next(self, wanted: int) -> list[Accepted | Rejection]:
        """What the oldest batch under way brings, in the order of its requests; first, as many more
        are started as it may take to find `wanted` instructions."""
        per_batch = (len(self._machine) + PRIOR * self._config.batch) / (self._merged + 1)
        width = max(1, min(self._config.ahead, math.ceil(wanted / per_batch)))
        while len(self._ahead) < width:
            asked = [self.prompt() for _ in range(self._config.batch)]
            self._ahead.start(gather(self._ask(prompt) for prompt in asked))
        replies = await self._ahead.take()
        judged = [one for reply in replies for one in self.merge(reply, self._merged)]
        self._merged += 1
        self._idle = 0 if any(isinstance(one, Accepted) for one in judged) else self._idle + 1
        return judged

    async def settle(self) -> None:
        await self._ahead.settle()

    async def close(self) -> None:
        await self._ahead.close()

    def prompt(self) -> str:
        """The next prompt, of tasks drawn from the seeds and from the pool so far."""
        config, rng = self._config, self._rng
        if config.style == "alpaca":
            usable = [task for task in self._seeds if parse.instances_of(task.meta)]
            drawn = rng.sample(usable, min(config.shown, len(usable)))
            shown = [(task.question, parse.instances_of(task.meta)[0]) for task in drawn]
            return prompts.grow_blocks(shown, ALPACA_TOTAL)
        seeds = [task.question for task in self._seeds]
        tasks = rng.sample(self._machine, min(config.shown_machine, len(self._machine)))
        tasks += rng.sample(seeds, min(config.shown - len(tasks), len(seeds)))
        rng.shuffle(tasks)
        standard = prompts.GUIDANCE if config.guidance == "standard" else config.guidance
        guidance = standard.replace("{more}", str(config.shown - 1))
        return prompts.grow(tasks, guidance, labels=config.classification_only)

    async def _ask(self, prompt: str) -> Reply | Refusal:
        config = self._config
        last = ALPACA_TOTAL if config.style == "alpaca" else 2 * config.shown
        stop = {
            "reference": ("\n\n", f"\n{last}", f"{last}.", f"{last} ."),
            "alpaca": (f"\n{last}", f"{last}.", f"{last}."),
        }
        sampling = Sampling(
            temperature=config.temperature,
            top_p=config.top_p,
            presence_penalty=config.presence_penalty,
            max_tokens=config.max_tokens,
            stop=tuple(dict.fromkeys(stop.get(config.style, ()))),
        )
        return await try_request(self._teacher, prompt, sampling, raw=config.style == "reference")

    def merge(self, reply: Reply | Refusal, batch: int) -> list[Accepted | Rejection]:
        """The verdict on each instruction of a reply; those accepted have joined the pool."""
        if isinstance(reply, Refusal):
            return [Rejection(reason=REFUSED, meta={"error": reply.error, "batch": batch})]
        match self._config.style:
            case "reference":
                proposals = [Proposal(one) for one in parse.reference_list(reply)]
            case "alpaca":
                proposals = parse.blocks(reply)
            case _:
                proposals = [Proposal(one) for one in parse.any_list(reply)]
        return [self._judge(one, batch) for one in proposals if one.instruction]

    def _judge(self, proposal: Proposal, batch: int) -> Accepted | Rejection:
        config, text = self._config, proposal.instruction
        reason = parse.fault(
            text,
            least=config.min_words,
            most=config.max_words,
            forbidden=config.forbidden,
            reference=config.style == "reference",
        )
        meta: Json = {"batch": batch}
        example = Example(messages=(user(text),))
        if reason:
            return Rejection(reason=reason, example=example, meta=meta)
        nearest = self._pool.find_nearest(text)
        f = nearest.f if nearest else 0.0
        if nearest and f > config.similarity:
            meta["similar_to"] = self._texts[nearest.number]
            return Rejection(reason="too similar", score=f, example=example, meta=meta)
        if config.detail:
            scores = self._pool.measure_all(text)
            meta["most_similar"] = {self._texts[i]: float(scores[i]) for i in top_k(scores)}
            meta["avg_similarity_score"] = float(np.mean(scores))
        self._pool.add(text)
        self._texts.append(text)
        self._machine.append(text)
        return Accepted(text, proposal.instances, f, meta)


def is_seed(task: Task, config: "Config") -> bool:
    """Whether a task may stand in a prompt."""
    return not config.classification_only or bool(task.meta.get("is_classification"))


PRIOR = 2
"""New instructions that a request is taken to bring before any was made."""
ALPACA_TOTAL = 20
"""Tasks of one reply, those of the prompt included (Stanford Alpaca: 20)."""
