"""Self-Consistency: sample several chains of thought, keep the answer that most of them reach.

Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language Models",
section 2. https://arxiv.org/abs/2203.11171
With `keep=all`, the data set of Huang et al. 2022, "Large Language Models Can Self-Improve",
section 3. https://arxiv.org/abs/2210.11610
With `adaptive`, the Beta rule of Aggarwal et al. 2023. https://arxiv.org/abs/2305.11860
With `vote=verifier`, the weighted vote of Li et al. 2022. https://arxiv.org/abs/2206.02336

Departures: exemplars are our own; the built-in model gets none unless they are asked for. Replies
may be longer than the papers' 128 tokens (256 for training data), since chat models write more; one
that is cut off has no answer. No top-k, as with GPT-3 there (PaLM and LaMDA: 40). The verifier is
any model asked whether the answer is true, not one trained for it. Answers are equal by value, not
by spelling; left open by the papers, a tie goes to the answer drawn first, and an unreadable answer
gets no vote but counts in the share. Identical paths may be kept once (`distinct`).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from understudy.call.model import Model, gather
from understudy.errors import Rejected
from understudy.methods import method
from understudy.methods._chain_of_thought import Format, build_training_turns
from understudy.methods._self_consistency_report import report
from understudy.methods._shared.exemplars import (
    Exemplar,
    build_prompt,
    format_question,
    shipped_exemplars,
)
from understudy.prompts import read_yaml
from understudy.text.answers import Canonical, Kind, canonicalize, extract
from understudy.text.answers.spans import cut_at_next_question
from understudy.text.votes import entropy, is_settled, is_tied, tally
from understudy.types import Example, Json, Rejection, Reply, Sampling, Settings, Task


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
    """Your own, as a list or the name of a YAML file; `auto` suits the kind of answer."""
    trigger: str = "Let's think step by step."
    """Ends the question where there are no exemplars (Kojima et al. 2022)."""
    answer: Kind = "auto"
    """How an answer is read off a path."""
    field: str = "answer"
    """The field that holds it, where answers are JSON."""
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

    @field_validator("exemplars", mode="before")
    @classmethod
    def _from_file(cls, value: object) -> object:
        return read_yaml(Path(value)) if isinstance(value, str) and value != "auto" else value


class Draw(NamedTuple):
    """One chain of thought."""

    text: str
    answer: str | None
    key: Canonical | None
    weight: float
    """A log-probability where the vote is by probability."""


@method(paper="arXiv:2203.11171", report=report, seeds="builtin:arithmetic")
async def self_consistency(
    task: Task, teacher: Model, verifier: Model, config: Config
) -> Example | Rejection | list[Example]:
    """The winning path, or all that agree with it. `meta` keeps every draw's answer and the vote;
    `scores.share` is the winner's part of all paths."""
    paths = await draw(task, teacher, verifier, config)
    votes = tally((path.key for path in paths), weights(paths, config))
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
    shots = exemplars(task, config)
    examples = [
        Example(
            messages=build_training_turns(
                task, path.text, str(path.answer), kind, shots, config.trigger
            ),
            reference=task.reference,
            choices=task.choices,
            tests=task.tests,
            scores={"share": share},
            meta=meta | {"format": kind},
        )
        for path in agreeing[: config.max_paths]
        for kind in config.formats
    ]
    return examples[0] if config.keep == "one" and len(examples) == 1 else examples


async def draw(task: Task, teacher: Model, verifier: Model, config: Config) -> list[Draw]:
    """Up to `samples` paths, read and weighed."""
    ours = config.shots == config.exemplars == "auto"
    bare = config.shots == 0 or (ours and teacher.endpoint == "pocket")
    shots = () if bare else exemplars(task, config)
    prompt = build_prompt(task, shots, config.trigger)
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    logprobs = 0 if config.vote in ("probability", "normalized") else None
    if not config.adaptive:
        replies = await teacher.sample(prompt, config.samples, sampling, logprobs=logprobs)
        return await gather(read(task, reply, verifier, config) for reply in replies)
    paths: list[Draw] = []
    while len(paths) < config.samples:
        reply = await teacher.chat(prompt, sampling, logprobs=logprobs)
        paths.append(await read(task, reply, verifier, config))
        counts = tally((path.key for path in paths), [1.0] * len(paths))
        if is_settled(counts, config.confidence):
            break
    return paths


async def read(task: Task, reply: Reply, verifier: Model, config: Config) -> Draw:
    """The path of a reply, cut at the next "Q:" as few-shot completions run on."""
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
        question = VERIFY.format(question=format_question(task), path=text, answer=answer)
        weight = (await verifier.choose(question, ["A", "B"]))["A"]
    return Draw(text, answer, key, weight)


def weights(paths: Sequence[Draw], config: Config) -> list[float]:
    """What each path weighs in the vote."""
    if config.vote not in ("probability", "normalized"):
        return [path.weight for path in paths]
    # Of a long path the probability itself would be 0; only ratios count.
    best = max((path.weight for path in paths if path.key is not None), default=0.0)
    return [math.exp(path.weight - best) if path.key is not None else 0.0 for path in paths]


def exemplars(task: Task, config: Config) -> Sequence[Exemplar]:
    """Those that are shown: the user's, or ours for the kind of answer."""
    chosen = config.exemplars
    if chosen == "auto":
        chosen = shipped_exemplars(
            "choice" if task.choices or config.answer == "choice" else "arithmetic"
        )
    return chosen[: None if config.shots == "auto" else config.shots or None]


VERIFY = """\
Question: {question}
Proposed solution: {path}
Proposed answer: {answer}
Is the proposed answer:
(A) True
(B) False
Reply with the letter only: """
