"""Self-Consistency: sample several chains of thought, keep the answer that most of them reach.

Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
section 2. https://arxiv.org/abs/2203.11171
With `keep=all`, the data set of Huang et al. 2022, "Large Language Models Can Self-Improve",
section 3. https://arxiv.org/abs/2210.11610
With `adaptive`, the Beta rule of Aggarwal et al. 2023. https://arxiv.org/abs/2305.11860
With `vote=verifier`, the weighted vote of Li et al. 2022. https://arxiv.org/abs/2206.02336

Departures: the exemplars are our own. The built-in model is shown none unless you ask for them. A reply
may be longer than the papers' 128 tokens (256 for training data), since chat models write more. A reply
that is cut off has no answer. There is no top-k, as with GPT-3 in the paper (PaLM and LaMDA: 40). The
verifier is any model that is asked whether the answer is true, not one trained for it. Answers are
equal by value, not by spelling. The papers leave two cases open: here a tie goes to the answer drawn
first, and an unreadable answer has no vote but counts in the share. With `distinct`, identical paths are
kept once.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from understudy.call.model import Model, gather
from understudy.errors import Rejected
from understudy.methods import method
from understudy.methods._shared.exemplars import Exemplar, build_prompt, format_question
from understudy.prompts import PromptSet, fill, read_yaml
from understudy.text.answers import Canonical, Kind, canonicalize, extract
from understudy.text.answers.spans import cut_at_next_question
from understudy.text.votes import entropy, is_settled, is_tied, tally
from understudy.types import Example, Json, Rejection, Reply, Sampling, Settings, Task

from .formats import Format, build_training_turns
from .report import report


class Prompts(PromptSet, file=__file__):
    """What is in `prompts.yaml`."""

    verify: str
    exemplars: tuple[Exemplar, ...]
    choice_exemplars: tuple[Exemplar, ...]


class Config(Settings):
    samples: int = Field(default=40, ge=1)
    """Paths per task (paper: 40; for training data 32)."""
    temperature: float = Field(default=0.7, ge=0)
    """Of the paths (paper: 0.7 for PaLM and GPT-3, 0.5 for smaller models)."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a path. One that is cut off has no answer."""
    shots: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """Exemplars before the question; 0 asks "step by step". `auto`: all (paper: 8, for multiple choice
    4), but none of ours for the built-in model, which was trained on others."""
    exemplars: Literal["auto"] | list[Exemplar] = "auto"
    """Your own, as a list or the name of a YAML file. `auto`: those of the prompts that suit the kind of
    answer."""
    trigger: str = "Let's think step by step."
    """Ends the question if there are no exemplars (Kojima et al. 2022)."""
    answer: Kind = "auto"
    """How an answer is read off a path."""
    field: str = "answer"
    """The field that holds it, if answers are JSON."""
    vote: Literal["count", "probability", "normalized", "verifier"] = "count"
    """What a path weighs: 1; its probability; its probability per token; the verifier's P(true)."""
    adaptive: bool = False
    """Draw one by one and stop when the leader will stay ahead; `samples` is then the most."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the adaptive stop (paper: 0.95)."""
    min_share: float = Field(default=0, ge=0, le=1)
    """Reject a task whose winner has a smaller share of all paths, unreadable ones included."""
    keep: Literal["one", "all"] = "one"
    """The first path that reaches the winner, or every one."""
    formats: tuple[Format, ...] = Field(default=("path",), min_length=1)
    """What is trained on: the question with the path; or, as in the self-improvement paper,
    exemplars and path, exemplars and bare answer, "step by step" and path, question and answer."""
    distinct: bool = False
    """With `keep=all`: one example per different path."""
    max_paths: int | None = Field(default=None, ge=1)
    """With `keep=all`: at most this many paths per task."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own texts and exemplars, by the names in `prompts.yaml`."""

    @field_validator("exemplars", mode="before")
    @classmethod
    def _load(cls, value: object) -> object:
        return read_yaml(Path(value)) if isinstance(value, str) and value != "auto" else value


class ReasoningPath(NamedTuple):
    """One chain of thought."""

    text: str
    answer: str | None
    key: Canonical | None
    weight: float
    """A log-probability if the vote is by probability."""


@method(paper="arXiv:2203.11171", report=report, seeds="builtin:arithmetic")
async def self_consistency(
    task: Task, teacher: Model, verifier: Model, config: Config
) -> Example | Rejection | list[Example]:
    """The winning path, or all that agree with it. `meta` keeps every path's answer and the vote;
    `scores.share` is the winner's part of all paths."""
    paths = await sample(task, teacher, verifier, config)
    votes = tally((path.key for path in paths), weigh(paths, config))
    keys = [path.key for path in paths]
    meta: Json = {
        **task.meta,
        "answers": [path.answer for path in paths],
        "tie": is_tied(votes),
        "entropy": round(entropy(votes), 6),
    }
    reference = {"reference": task.reference}  # for the curves in the report
    if not votes:
        return Rejection(reason="no readable answer", score=0.0, meta=meta | reference)
    winner = next(iter(votes))
    share = keys.count(winner) / len(paths)
    agreeing = [path for path in paths if path.key == winner]
    meta |= {"answer": agreeing[0].answer, "votes": {str(k): v for k, v in votes.items()}}
    if share < config.min_share:
        return Rejection(reason="share below min_share", score=share, meta=meta | reference)
    if config.keep == "one":
        agreeing = agreeing[:1]
    elif config.distinct:
        agreeing = list({path.text: path for path in agreeing}.values())
    shots = choose_exemplars(task, config)
    examples = [
        task.example(
            build_training_turns(task, path.text, str(path.answer), form, shots, config.trigger),
            {"share": share},
            **meta | {"format": form},
        )
        for path in agreeing[: config.max_paths]
        for form in config.formats
    ]
    return examples[0] if config.keep == "one" and len(examples) == 1 else examples


async def sample(
    task: Task, teacher: Model, verifier: Model, config: Config
) -> list[ReasoningPath]:
    """Up to `samples` paths, read and weighed."""
    shots = () if is_zero_shot(teacher, config) else choose_exemplars(task, config)
    prompt = build_prompt(task, shots, config.trigger)
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    logprobs = 0 if config.vote in ("probability", "normalized") else None
    if not config.adaptive:
        replies = await teacher.sample(prompt, config.samples, sampling, logprobs=logprobs)
        return await gather(read(task, reply, verifier, config) for reply in replies)
    paths: list[ReasoningPath] = []
    while len(paths) < config.samples:
        reply = await teacher.chat(prompt, sampling, logprobs=logprobs)
        paths.append(await read(task, reply, verifier, config))
        counts = tally((path.key for path in paths), [1.0] * len(paths))
        if is_settled(counts, config.confidence):
            break
    return paths


def is_zero_shot(teacher: Model, config: Config) -> bool:
    """Whether no exemplars are shown: none are wanted, or they are ours and the model is built in."""
    if config.shots != "auto":
        return config.shots == 0
    ours = config.exemplars == "auto" and config.prompts == Prompts.load()
    return ours and teacher.endpoint == "pocket"


def choose_exemplars(task: Task, config: Config) -> Sequence[Exemplar]:
    """The user's exemplars, or those of the prompts for the kind of answer."""
    exemplars: Sequence[Exemplar] | Literal["auto"] = config.exemplars
    if exemplars == "auto":
        choice = task.choices or config.answer == "choice"
        exemplars = config.prompts.choice_exemplars if choice else config.prompts.exemplars
    return exemplars[: None if config.shots == "auto" else config.shots or None]


async def read(task: Task, reply: Reply, verifier: Model, config: Config) -> ReasoningPath:
    """The path of a reply, cut at the next "Q:", where a completion begins another question."""
    text = cut_at_next_question(reply.text).strip()
    answer = None
    if reply.stop != "length" or text != reply.text.strip():
        answer = extract(text, config.answer, choices=task.choices or None, field=config.field)
    key = None if answer is None else canonicalize(answer)
    weight = 1.0
    if config.vote in ("probability", "normalized"):
        if not reply.logprobs:
            raise Rejected(
                f"vote={config.vote} needs the tokens' log-probabilities and the endpoint of "
                f"{reply.model or 'the teacher'} gives none. Use vote=count or vote=verifier."
            )
        total = sum(token.logprob for token in reply.logprobs)
        weight = total / (len(reply.logprobs) if config.vote == "normalized" else 1)
    elif config.vote == "verifier" and answer is not None:
        question = fill(
            config.prompts.verify, question=format_question(task), path=text, answer=answer
        )
        weight = (await verifier.choose(question, ["A", "B"]))["A"]
    return ReasoningPath(text, answer, key, weight)


def weigh(paths: Sequence[ReasoningPath], config: Config) -> list[float]:
    """What each path weighs in the vote."""
    if config.vote not in ("probability", "normalized"):
        return [path.weight for path in paths]
    # The probability of a long path would underflow to 0. Only ratios count.
    best = max((path.weight for path in paths if path.key is not None), default=0.0)
    return [math.exp(path.weight - best) if path.key is not None else 0.0 for path in paths]
