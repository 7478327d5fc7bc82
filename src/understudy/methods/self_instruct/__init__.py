"""Self-Instruct: from some seed tasks, instructions unlike them and each other, with instances.

Wang et al. 2022, "Self-Instruct: Aligning Language Models with Self-Generated Instructions", section 2.
https://arxiv.org/abs/2212.10560
With `style=alpaca`, the one-call variant of Taori et al. 2023, "Stanford Alpaca".

`reference` is the released code's way, quirks included. It uses raw completions. A completion that was
cut off is lost whole. Every letter after an instruction's first becomes lower case. Only a number, a
full stop and a blank separate two tasks. Similarity knows Latin words only. The word "Example" separates
instances wherever it stands. The filters have the released order. `chat` and `alpaca` mend all of this.

Departures: all demonstrations and seeds are our own. Several batches are in flight at once, so that a
prompt is made from a pool that is up to `ahead` batches old (1 is the paper's loop). The method stops at
`n` tasks that have an instance, not after the batch in which the pool reached `n`. Instances are asked
for as soon as an instruction is accepted; 300 tokens are for classification tasks alone, not for every
batch that holds one. top_p=0 is not sent beside temperature 0. Instances keep their order, unless there
are more than `instances` to draw from (`reference` always draws). There is no shuffling at the end.
Alpaca's ban of the end-of-text token is left out, since its number depends on the tokenizer. Alpaca's
instances pass the same filters.
"""

import math
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Literal, NamedTuple, cast

from pydantic import Field, model_validator

from understudy.call.model import Model, Prefetch, gather
from understudy.methods import method
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.types import Example, Json, Rejection, Reply, Sampling, Settings, Task, user

from .instances import Instance, filter_instances, instances_of, is_yes, read_instances
from .instructions import Proposal, Rules, read_blocks, read_list, read_reference_list
from .pool import Accepted, TaskPool
from .prompts import (
    Prompts,
    ask_for_blocks,
    ask_for_instances,
    ask_for_list,
    ask_whether_classification,
)
from .report import report
from .rows import Encoder, audit

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
"""The defaults of each style that differ from those below."""


class Config(Settings):
    style: Literal["chat", "reference", "alpaca"] = "chat"
    """How the teacher is asked: for lists in chat; by the released code's completions, for base models;
    or for instruction and instance in one call. It sets the defaults of what follows."""
    n: int = Field(default=100, ge=1)
    """Tasks to make, each with one or more instances (released script: 50,000; in reference)."""
    shown: int = Field(default=8, ge=1)
    """Tasks in a prompt (paper: 8; alpaca: 3)."""
    shown_machine: int = Field(default=2, ge=0)
    """At most so many of them machine-made, the others seeds (paper: 2; alpaca: 0)."""
    guidance: str = ""
    """Stands before the list in chat; {more} is how many tasks are asked for. `standard` is the text of
    the prompts, for chat models. Empty gives the bare lists that base models and the built-in model
    need. With any guidance, requests for instances spell out their form too."""
    classification_only: bool = False
    """Show only classification seeds, and ask for more of them."""
    batch: int = Field(default=5, ge=1)
    """Requests whose prompts are made from the same pool (released code: 5)."""
    ahead: int = Field(default=8, ge=1)
    """Most batches in flight; 1 makes each prompt from the newest pool."""
    patience: int = Field(default=20, ge=1)
    """Stop after so many batches in a row without a new instruction, or after `patience` times `batch`
    tasks in a row without an instance."""
    temperature: float = Field(default=0.7, ge=0)
    """Of new instructions (paper: 0.7; alpaca: 1); all else is asked at 0."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Of new instructions (paper: 0.5, in reference; alpaca: 1)."""
    presence_penalty: float | None = None
    """Of new instructions (paper: 2, in reference). It suits base models; chat models ramble with it."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a reply with new instructions (paper: 1024; alpaca: 3072)."""
    similarity: float = Field(default=0.7, ge=0, le=1)
    """Highest ROUGE-L F of an instruction with any other (paper: below 0.7; its code keeps 0.7 too)."""
    min_words: int = Field(default=4, ge=1)
    """Of an instruction (released code: more than 3)."""
    max_words: int = Field(default=150, ge=1)
    """Of an instruction (released code: 150)."""
    forbidden: tuple[str, ...] = FORBIDDEN
    """Words that an instruction must not have (released code: these 13; alpaca: 18)."""
    demonstrations: tuple[int, int, int, int] = (4, 4, 0, 0)
    """How many are shown: tasks that are classification and tasks that are not; classification tasks and
    other tasks with their instances (released code: 12, 19, 16, 11; in reference)."""
    instances: int = Field(default=5, ge=1)
    """Most instances per task (released code: 5)."""
    instance_tokens: int = Field(default=1024, ge=1)
    """Of a reply with instances (released code: 350, in reference)."""
    label_tokens: int = Field(default=1024, ge=1)
    """The same for classification tasks (paper: 300, in reference)."""
    instance_penalty: float | None = None
    """Presence penalty of instances (paper: 1.5, in reference)."""
    include_seeds: bool = False
    """Begin with the seeds' own instances."""
    encoding: Literal["plain", "reference"] = "plain"
    """Instruction, blank line, input; or one of the 13 released templates at random (in reference)."""
    audit: Literal["none", "record", "require"] = "none"
    """Have the judge answer the paper's three questions about each instance. `require` drops an instance
    in which it finds a fault."""
    detail: bool = False
    """Keep each instruction's ten most similar ones and its mean similarity, as the paper's files do."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own texts, by the names in `prompts.yaml`."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_style(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        settings = cast("Mapping[str, Any]", value)
        return STYLES.get(str(settings.get("style", "chat")), {}) | dict(settings)


@method(paper="arXiv:2212.10560", report=report, seeds="builtin:self_instruct")
async def self_instruct(
    tasks: Sequence[Task], teacher: Model, judge: Model, rng: Random, config: Config
) -> AsyncIterator[Example | Rejection]:
    """One example per instance, in the order in which their instructions were accepted. `meta` keeps
    instruction, input and output; `scores.similarity` is the highest to any earlier instruction."""
    growth, encoder = (
        Growth(tasks, teacher, rng, config),
        Encoder(config.encoding, config.prompts, rng),
    )
    for example in encode_seeds(tasks if config.include_seeds else (), encoder):
        yield example
    # Accepted instructions wait in `queue` until their instances are asked for, and then in `finishing`.
    queue, finishing = deque[Accepted](), Prefetch[Finished]()
    count = misses = 0
    most = config.batch * config.ahead
    try:
        while count < config.n and misses < config.patience * config.batch:
            while queue and len(finishing) < min(most, config.n - count):
                finishing.start(write_instances(queue.popleft(), teacher, config))
            if queue or (len(finishing) and (growth.ended or count + len(finishing) >= config.n)):
                rows = await write_rows(await finishing.take(), judge, encoder, rng, config)
                if any(isinstance(row, Example) for row in rows):
                    count, misses = count + 1, 0
                else:
                    misses += 1
                for row in rows:
                    yield row
            elif growth.ended:
                return
            else:
                for verdict in await growth.next(config.n - count - len(finishing)):
                    if isinstance(verdict, Rejection):
                        yield verdict
                    else:
                        queue.append(verdict)
    except Exception:
        await gather([growth.drain(), finishing.drain()])
        raise
    finally:
        await gather([growth.close(), finishing.close()])


# 1. Instructions


class Growth:
    """Batches of requests for new instructions; what they bring joins the pool.

    Several batches are in flight at once. The prompts of a batch are made when it is started, which is
    when an earlier batch was taken. So the pool is the same in every run, in whatever order replies
    come in, and with `ahead=1` it is the paper's own loop. Whoever opens it closes it.
    """

    def __init__(self, tasks: Sequence[Task], teacher: Model, rng: Random, config: Config) -> None:
        self._teacher, self._rng, self._config = teacher, rng, config
        self._seeds = [task for task in tasks if can_show(task, config)]
        rules = Rules(
            config.min_words, config.max_words, config.forbidden, config.style == "reference"
        )
        texts = [task.question for task in tasks]
        self._pool = TaskPool(texts, rules, config.similarity, config.detail)
        self._batches = Prefetch[list[Reply | Refusal]]()
        self._merges = self._misses = 0

    @property
    def ended(self) -> bool:
        """Too many batches in a row brought nothing new, or there is no seed to show."""
        return self._misses >= self._config.patience or not self._seeds

    async def next(self, n: int) -> list[Accepted | Rejection]:
        """The verdicts on what the oldest batch brings, in the order of its requests. First, as many
        more batches are started as it may take to find `n` instructions."""
        per_batch = (len(self._pool.machine) + PRIOR * self._config.batch) / (self._merges + 1)
        width = max(1, min(self._config.ahead, math.ceil(n / per_batch)))
        while len(self._batches) < width:
            prompts = [self.prompt() for _ in range(self._config.batch)]
            self._batches.start(gather(self._ask(prompt) for prompt in prompts))
        replies = await self._batches.take()
        verdicts = [one for reply in replies for one in self.merge(reply, self._merges)]
        self._merges += 1
        self._misses = 0 if any(isinstance(one, Accepted) for one in verdicts) else self._misses + 1
        return verdicts

    async def drain(self) -> None:
        await self._batches.drain()

    async def close(self) -> None:
        await self._batches.close()

    def prompt(self) -> str:
        """The next prompt, with tasks sampled from the seeds and from the pool so far."""
        config, rng, prompts = self._config, self._rng, self._config.prompts
        if config.style == "alpaca":
            usable = [task for task in self._seeds if instances_of(task.meta)]
            sample = rng.sample(usable, min(config.shown, len(usable)))
            pairs = [(task.question, instances_of(task.meta)[0]) for task in sample]
            return ask_for_blocks(prompts, pairs, ALPACA_TOTAL)
        seeds, machine = [task.question for task in self._seeds], self._pool.machine
        tasks = rng.sample(machine, min(config.shown_machine, len(machine)))
        tasks += rng.sample(seeds, min(config.shown - len(tasks), len(seeds)))
        rng.shuffle(tasks)
        guidance = prompts.guidance if config.guidance == "standard" else config.guidance
        guidance = guidance.replace("{more}", str(config.shown - 1))
        head = prompts.grow_labels if config.classification_only else prompts.grow
        return ask_for_list(head, tasks, guidance)

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
        """The verdict on each instruction of a reply. Those that are accepted have joined the pool."""
        if isinstance(reply, Refusal):
            return [Rejection(reason=REFUSED, meta={"error": reply.error, "batch": batch})]
        match self._config.style:
            case "reference":
                proposals = [Proposal(line) for line in read_reference_list(reply)]
            case "alpaca":
                proposals = read_blocks(reply)
            case _:
                proposals = [Proposal(line) for line in read_list(reply)]
        return [self._pool.judge(one, batch) for one in proposals if one.instruction]


def can_show(task: Task, config: Config) -> bool:
    """Whether a seed may stand in a prompt."""
    return not config.classification_only or bool(task.meta.get("is_classification"))


# 2. Classification or not, and 3. instances


class Finished(NamedTuple):
    """An accepted instruction, with what the teacher wrote for it."""

    task: Accepted
    labels: bool = False
    """Whether it is classification."""
    instances: Sequence[Instance] = ()
    error: str = ""
    """The endpoint's words if it refused a request."""


async def write_instances(task: Accepted, teacher: Model, config: Config) -> Finished:
    """Asks for instances, the label first if the task is classification, else the input first."""
    if config.style == "alpaca":  # they came with the instruction
        return Finished(task, instances=filter_instances(task.instances))
    reference, (yes, no, labelled, other) = config.style == "reference", config.demonstrations
    question = ask_whether_classification(config.prompts, task.instruction, yes, no)
    sampling = Sampling(temperature=0.0, max_tokens=config.label_tokens)
    if reference:
        sampling = Sampling(temperature=0.0, max_tokens=3, stop=("\n", "Task"))
    reply = await try_request(teacher, question, sampling, raw=reference)
    if isinstance(reply, Refusal):
        return Finished(task, error=reply.error)
    labels = is_yes(reply.text, reference=reference)
    question = ask_for_instances(
        config.prompts,
        task.instruction,
        labels,
        labelled if labels else other,
        spell_out=bool(config.guidance),
    )
    sampling = Sampling(
        temperature=0.0,
        max_tokens=config.label_tokens if labels else config.instance_tokens,
        presence_penalty=config.instance_penalty,
        stop=(f"Example {config.instances + 1}", *(("Task:",) if reference else ())),
    )
    reply = await try_request(teacher, question, sampling, raw=reference)
    if isinstance(reply, Refusal):
        return Finished(task, labels, error=reply.error)
    instances = filter_instances(read_instances(reply, labels, reference=reference))
    return Finished(task, labels, instances)


# 4. Filtering and encoding


async def write_rows(
    finished: Finished, judge: Model, encoder: Encoder, rng: Random, config: Config
) -> Sequence[Example | Rejection]:
    """One example per instance, or the reason why there is none."""
    task, instances = finished.task, finished.instances
    meta: Json = {**task.meta, "is_classification": finished.labels}
    if not instances:
        bare = Example(messages=(user(task.instruction),))
        if finished.error:
            meta |= {"error": finished.error}
        reason = REFUSED if finished.error else "no instance"
        return [Rejection(reason=reason, example=bare, meta=meta)]
    if config.style == "reference" or len(instances) > config.instances:
        instances = rng.sample(instances, min(len(instances), config.instances))
    examples = [encoder.encode(task.instruction, i, meta, task.similarity) for i in instances]
    if config.audit == "none":
        return examples
    require = config.audit == "require"
    return await gather(audit(one, judge, config.prompts, require=require) for one in examples)


def encode_seeds(tasks: Sequence[Task], encoder: Encoder) -> Iterator[Example]:
    """The seeds' own instances."""
    for task in tasks:
        meta: Json = {"seed": task.id, "is_classification": task.meta.get("is_classification")}
        for instance in instances_of(task.meta):
            yield encoder.encode(task.question, instance, meta)


PRIOR = 2
"""New instructions that a request is assumed to bring, before any came."""
ALPACA_TOTAL = 20
"""Tasks of one reply, those of the prompt included (Stanford Alpaca: 20)."""
