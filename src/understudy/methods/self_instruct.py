"""Self-Instruct: from some seed tasks, instructions unlike them and each other, with instances.

Wang et al. 2022, "Self-Instruct: Aligning Language Models with Self-Generated Instructions", section 2.
https://arxiv.org/abs/2212.10560
With `style=alpaca`, the one-call variant of Taori et al. 2023, "Stanford Alpaca".

`reference` is the released code's way, quirks included: raw completions; a completion that was cut off
is lost whole; every letter after an instruction's first becomes lower case; only a number, a full stop
and a blank part two tasks; similarity knows Latin words only; "Example" parts instances wherever it
stands; the order of the filters. `chat` and `alpaca` mend each of these.

Departures: all demonstrations and seeds are our own. Batches are under way at once, so that a prompt is
made from a pool that is up to `ahead` batches old (1 is the paper's loop). It stops at `n` tasks that
have an instance, not after the batch in which the pool reached `n`. Instances are asked for as soon as
an instruction is accepted; 300 tokens are for classification tasks alone, not for all of a batch that
holds one. top_p=0 is not sent beside temperature 0. Instances keep their order but where more than
`instances` are drawn from (`reference` draws always). No shuffling at the end. Alpaca's ban of the
end-of-text token, a number of one tokenizer, is left out, and its instances pass the same filters.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any, Literal, cast

from pydantic import Field, model_validator

from understudy.call.model import Ahead, Model, gather
from understudy.methods import method
from understudy.methods._self_instruct_finish import Finished, examples, finish, seeded
from understudy.methods._self_instruct_grow import Accepted, Growth
from understudy.methods._self_instruct_report import report
from understudy.types import Example, Rejection, Settings, Task

FORBIDDEN = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps",
    "draw", "plot", "go to",
)  # fmt: skip
STYLES: dict[str, dict[str, object]] = {
    "chat": {},
    "reference": {
        "n": 50_000, "top_p": 0.5, "presence_penalty": 2, "instance_penalty": 1.5,
        "instance_tokens": 350, "label_tokens": 300, "demonstrations": (12, 19, 16, 11),
        "encoding": "reference",
    },
    "alpaca": {
        "shown": 3, "shown_machine": 0, "temperature": 1.0, "top_p": 1.0, "max_tokens": 3072,
        "forbidden": (*FORBIDDEN, "video", "audio", "music", "flowchart", "diagram"),
    },
}  # fmt: skip
"""What the defaults below are in each style where they are others."""


class Config(Settings):
    style: Literal["chat", "reference", "alpaca"] = "chat"
    """How the teacher is asked: lists in chat; the released code's completions, for base models; or
    instruction and instance in one call. It sets the defaults of what follows."""
    n: int = Field(default=100, ge=1)
    """Tasks to make, each with one or more instances (released script: 50,000; in reference)."""
    shown: int = Field(default=8, ge=1)
    """Tasks in a prompt (paper: 8; alpaca: 3)."""
    shown_machine: int = Field(default=2, ge=0)
    """At most so many of them made, the others seeds (paper: 2; alpaca: 0)."""
    guidance: str = ""
    """Stands before the list in chat; {more} is how many are asked for. `standard` suits chat models;
    empty, the bare lists that base models and the built-in one go by. With any, requests for instances
    spell out their form too."""
    classification_only: bool = False
    """Show classification seeds alone, and ask for more of them."""
    batch: int = Field(default=5, ge=1)
    """Requests whose prompts are made from the same pool (released code: 5)."""
    ahead: int = Field(default=8, ge=1)
    """Batches under way at most; 1 makes each prompt from the newest pool."""
    patience: int = Field(default=20, ge=1)
    """Stop after so many batches in a row without a new instruction, or after as many tasks as that
    is requests without an instance."""
    temperature: float = Field(default=0.7, ge=0)
    """Of new instructions (paper: 0.7; alpaca: 1); all else is asked at 0."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Of new instructions (paper: 0.5, in reference; alpaca: 1)."""
    presence_penalty: float | None = None
    """Of new instructions (paper: 2, in reference): made for base models, chat models ramble."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a reply with new instructions (paper: 1024; alpaca: 3072)."""
    similarity: float = Field(default=0.7, ge=0, le=1)
    """An instruction above this ROUGE-L F with any other is dropped (paper: 0.7)."""
    min_words: int = Field(default=4, ge=1)
    """Of an instruction (released code: more than 3)."""
    max_words: int = Field(default=150, ge=1)
    """Of an instruction (released code: 150)."""
    forbidden: tuple[str, ...] = FORBIDDEN
    """Words that an instruction must not have (released code: these 13; alpaca: 18)."""
    demonstrations: tuple[int, int, int, int] = (4, 4, 0, 0)
    """Of classification, of other tasks, of labelled and of other instances (released code: 12, 19,
    16, 11; in reference)."""
    instances: int = Field(default=5, ge=1)
    """At most so many per task (released code: 5)."""
    instance_tokens: int = Field(default=1024, ge=1)
    """Of a reply with instances (released code: 350, in reference)."""
    label_tokens: int = Field(default=1024, ge=1)
    """The same for classification tasks (paper: 300, in reference)."""
    instance_penalty: float | None = None
    """Presence penalty of instances (paper: 1.5, in reference)."""
    include_seeds: bool = False
    """Begin with the instances of the seeds."""
    encoding: Literal["plain", "reference"] = "plain"
    """Instruction, blank line, input; or one of the released 13 templates at random (in reference)."""
    audit: Literal["none", "record", "require"] = "none"
    """Have the judge answer the paper's three questions about each instance, and, with `require`,
    drop what it finds a fault with."""
    detail: bool = False
    """Keep each instruction's ten most similar ones and its mean similarity, as the paper's files."""

    @model_validator(mode="before")
    @classmethod
    def _of_style(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        given = cast("Mapping[str, Any]", value)
        return STYLES.get(str(given.get("style", "chat")), {}) | dict(given)


@method(paper="arXiv:2212.10560", report=report, seeds="builtin:self_instruct")
async def self_instruct(
    tasks: Sequence[Task], teacher: Model, judge: Model, rng: Random, config: Config
) -> AsyncIterator[Example | Rejection]:
    """One example per instance, in the order in which their instructions were accepted. `meta` keeps
    instruction, input and output; `scores.similarity` is the highest to any earlier instruction."""
    growth, finishing = Growth(tasks, teacher, rng, config), Ahead[Finished]()
    backlog, made, barren = deque[Accepted](), 0, 0
    most = config.batch * config.ahead
    for example in seeded(tasks, rng, config):
        yield example
    try:
        while made < config.n and barren < config.patience * config.batch:
            while backlog and len(finishing) < min(most, config.n - made):
                finishing.start(finish(backlog.popleft(), teacher, config))
            if backlog or (len(finishing) and (growth.ended or made + len(finishing) >= config.n)):
                task = await finishing.take()
                outcomes = await examples(task, judge, rng, config)
                fruitful = any(isinstance(one, Example) for one in outcomes)
                made, barren = made + fruitful, 0 if fruitful else barren + 1
                for one in outcomes:
                    yield one
            elif growth.ended:
                return
            else:
                for one in await growth.next(config.n - made - len(finishing)):
                    if isinstance(one, Rejection):
                        yield one
                    else:
                        backlog.append(one)
    except Exception:
        await gather([growth.settle(), finishing.settle()])
        raise
    finally:
        await gather([growth.close(), finishing.close()])
