"""Self-Align: answers that follow written principles, thought through first and said without them.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", sections 3.2 and 3.3. https://arxiv.org/abs/2305.03047

The principles, exemplars and names are a constitution, which may be your own. An answer is asked for
with its thought before it; what passes the filters is kept as question and answer alone, which is
what principle engraving trains on. The thought stays in `meta`, and no example holds a word of it.
The prompts are from `topic_guided_red_teaming` and `self_instruct`; the paper's last stage is
`verbose_cloning`, by the student.

Departures: all wording is our own, only labels and intents of the principles are the paper's. With
`style=chat` the principles are a system message, exemplars are turns, and replies are JSON with a field
for the thought; `brief`, for small models, has one sentence per principle and no exemplars unless
`shots` is set. `style=reference` is the paper's completion and the released filter; leading blanks are
stripped before it, a stop string ends the dialogue's next turn, and "Sorry" is not banned, for which
token that is depends on the model. In every style the list of leak words follows from the exemplars,
and answers that hold a thought are dropped. Outside `reference`: answers under 160 characters pass,
code is never cut, a repeated sentence is cut only where it loops, replies that were cut off are
dropped, a word of an exemplar is no leak where the question has it, the code-name stays where the
question has it, and no end marker is put.
"""

from typing import Literal

from pydantic import Field, field_validator

from understudy.call.model import Model
from understudy.methods import _self_align_filter as screen
from understudy.methods import _self_align_prompts as prompts
from understudy.methods import _self_align_replies as replies
from understudy.methods import method
from understudy.methods._self_align_constitution import Constitution, load, shipped
from understudy.methods._self_align_report import report
from understudy.types import Example, Json, Rejection, Reply, Sampling, Settings, Task, system


class Config(Settings):
    style: Literal["auto", "chat", "brief", "reference"] = "auto"
    """`chat`: JSON, for instruction-tuned models; `brief`: for small ones; `reference`: the paper's
    completion, for base models. `auto` is `brief` for the built-in model, else `chat`."""
    constitution: Literal["shipped"] | Constitution = "shipped"
    """Principles, exemplars and names: your own as a YAML file."""
    shots: int | None = Field(default=None, ge=0)
    """Exemplars shown (paper: 5); all by default, none in `brief`."""
    thought: Literal["field", "trace"] = "field"
    """Where the thought of a `chat` reply stands: in a field, or in a reasoning model's own trace."""
    temperature: float = Field(default=0.5, ge=0)
    """Of answers (released code: 0.5)."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Of answers (released code: 0.95; paper: 0.9)."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Of thought and answer: 256 in `reference` (released code), else 1024."""
    min_characters: int | None = Field(default=None, ge=0)
    """Shorter answers are rejected: 160 in `reference`, end marker included (released code), else 1."""
    product: str = Field(default="Understudy", min_length=1)
    """What the code-name becomes in answers (released code: the product's name)."""
    system: str = ""
    """System message of the examples, in place of the principles; none where empty (released code: a
    short one)."""

    @field_validator("constitution", mode="before")
    @classmethod
    def _from_file(cls, value: object) -> object:
        return load(value) if isinstance(value, str) and value != "shipped" else value


@method(paper="arXiv:2305.03047", report=report, seeds="builtin:self_align")
async def self_align(task: Task, teacher: Model, config: Config) -> Example | Rejection:
    """Question and answer without principles. `meta` keeps the thought and the principles that it
    cites, by number and by label."""
    constitution = shipped() if config.constitution == "shipped" else config.constitution
    style = prompts.chosen(config.style, teacher)
    shots = config.shots
    if shots is None:
        shots = 0 if style == "brief" else len(constitution.exemplars)
    if style == "reference":
        screened = await by_completion(task, teacher, constitution, shots, config)
    else:
        screened = await by_chat(task, teacher, constitution, shots, config, style)
    meta: Json = {
        **task.meta,
        "thought": screened.thought,
        "relevant_principles": list(screened.cited),
        "principles": [constitution.labels[number - 1] for number in screened.cited],
    }
    if screened.reason:
        leak = {"leak": screened.word} if screened.word else {}
        answer = {"answer": screened.answer} if screened.answer else {}
        return Rejection(reason=screened.reason, meta=meta | leak | answer)
    return engraved(task, screened.answer, meta, config)


async def by_chat(
    task: Task,
    teacher: Model,
    constitution: Constitution,
    shots: int,
    config: Config,
    style: Literal["chat", "brief"],
) -> screen.Screened:
    """An answer by an instruction-tuned model."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens or 1024
    )
    trace = config.thought == "trace"
    if style == "chat":
        prompt = prompts.chat(task, constitution, shots, trace=trace)
        schema = prompts.schema(constitution, trace=trace)
        reply = await prompts.ask(teacher, prompt, sampling, schema)
        draft = replies.read_chat(reply, constitution, trace=trace)
    else:
        reply = await prompts.ask(teacher, prompts.brief(task, constitution, shots), sampling)
        draft = replies.read_brief(reply, constitution)
    if declined(reply):
        draft = replies.Draft(reason="refusal", thought=reply.refusal or reply.text)
    least = 1 if config.min_characters is None else config.min_characters
    return screen.mended(draft, task.question, constitution, shots, config.product, least)


async def by_completion(
    task: Task, teacher: Model, constitution: Constitution, shots: int, config: Config
) -> screen.Screened:
    """An answer by a base model, through the released code's filter."""
    if any(message.media for message in task.conversation):
        return screen.Screened(reason="pictures")
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens or 256,
        stop=("\n\nUser:",),
    )
    reply = await prompts.ask(teacher, prompts.completion(task, constitution, shots), sampling)
    said = reply.text.strip()
    if reply.stop == "end" and "\n\nUser:" not in said:
        said += "\n\nUser:"  # the stop string, which the filter looks for
    least = 160 if config.min_characters is None else config.min_characters
    return screen.reference(said, constitution, shots, config.product, least)


def declined(reply: Reply) -> bool:
    """The endpoint itself would not answer."""
    return bool(reply.refusal) or (reply.stop == "filtered" and not reply.text)


def engraved(task: Task, answer: str, meta: Json, config: Config) -> Example:
    """The training example of principle engraving: no principles, no exemplars, no thought."""
    example = Example.of(task, answer, **meta)
    if not config.system:
        return example
    return Example(
        messages=(system(config.system), *example.messages),
        reference=task.reference,
        choices=task.choices,
        tests=task.tests,
        meta=meta,
    )
