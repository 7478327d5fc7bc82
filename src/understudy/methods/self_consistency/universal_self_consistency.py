"""Universal Self-Consistency: of several free texts, the one most consistent with the others.

Chen et al. 2023, "Universal Self-Consistency for Large Language Model Generation", section 3.
https://arxiv.org/abs/2311.17311

Departures: a reply that was cut off or is empty is not put to the vote. If the model names no reply that
exists, the first is taken and `meta.fallback` is true; the paper does not say what it does then. If only
one reply is left there is nothing to choose, and no call.
"""

import re

from pydantic import Field

from understudy.call.model import Model
from understudy.methods import method
from understudy.methods._shared.exemplars import format_question
from understudy.prompts import PromptSet, fill
from understudy.types import Example, Rejection, Sampling, Settings, Task


class Prompts(PromptSet, file=__file__, name="universal_self_consistency.yaml"):
    choose: str


class Config(Settings):
    samples: int = Field(default=8, ge=1)
    """Replies per task (paper: 8; more made it worse on GSM8K)."""
    temperature: float = Field(default=0.7, ge=0)
    """Of the replies; the choice is drawn at 0."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a reply, and of the choice."""
    criterion: str = "consistent"
    """What the model looks for; `detailed` did better on summaries in the paper."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own text, by the name in `universal_self_consistency.yaml`."""


@method(paper="arXiv:2311.17311", seeds="builtin:arithmetic")
async def universal_self_consistency(
    task: Task, teacher: Model, config: Config
) -> Example | Rejection:
    """The chosen reply, word for word; `meta` has its number and how many there were."""
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    replies = await teacher.sample(task.conversation, config.samples, sampling)
    texts = [reply.text.strip() for reply in replies if reply.stop != "length"]
    texts = [text for text in texts if text]
    if not texts:
        return Rejection(reason="no complete reply", meta=task.meta)
    choice = await choose(task, texts, teacher, config) if len(texts) > 1 else 0
    vote = {"responses": len(texts), "chosen": choice or 0, "fallback": choice is None}
    return task.example(texts[choice or 0], **{**task.meta, **vote})


async def choose(task: Task, texts: list[str], teacher: Model, config: Config) -> int | None:
    """The number of the reply that the model names; None if there is no such reply."""
    responses = "\n\n".join(f"Response {i}: {text}" for i, text in enumerate(texts))
    question = fill(
        config.prompts.choose,
        question=format_question(task),
        responses=responses,
        criterion=config.criterion,
    )
    reply = await teacher.ask(question, Sampling(temperature=0.0, max_tokens=config.max_tokens))
    verdict = (
        rf"(?i:m)ost {re.escape(config.criterion)} response is (?:Response )?\[?(\d{{1,6}})(?!\d)"
    )
    match = re.search(verdict, reply)
    number = int(match[1]) if match else len(texts)
    return number if number < len(texts) else None
