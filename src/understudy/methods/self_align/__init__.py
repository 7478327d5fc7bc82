"""Self-Align: answers that follow written principles, thought through first and given without them.

Sun et al. 2023, "Principle-Driven Self-Alignment of Language Models from Scratch with Minimal Human
Supervision", sections 3.2 and 3.3. https://arxiv.org/abs/2305.03047

The principles, exemplars and names are a constitution, which may be your own. The teacher writes a
thought and then an answer. What passes the filters is kept as question and answer alone, which is what
principle engraving trains on. The thought stays in `meta`, and no example holds a word of it. The
prompts come from `topic_guided_red_teaming` and `self_instruct`. The paper's last stage, by the
student, is `verbose_cloning`.

Departures: all wording is our own; only labels and intents of the principles are the paper's. With
`style=chat` the principles are a system message, exemplars are turns, and replies are JSON with a field
for the thought. `brief`, for small models, has one sentence per principle and no exemplars unless
`shots` is set. `style=reference` is the paper's completion and the released filter. There, leading
blanks are stripped before the filter, and a stop string ends the dialogue's next turn. "Sorry" is not
banned, since its token depends on the model. In every style the list of leak words follows from the
exemplars, and answers that hold a thought are dropped. Outside `reference` an answer under 160
characters passes, code is never cut, a repeated sentence is cut only if it loops, a reply that was cut
off is dropped, a word of an exemplar is no leak if the question has it, the code-name stays if the
question has it, and no end marker is added.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from understudy.call.model import Model
from understudy.methods import method
from understudy.prompts import read_yaml
from understudy.types import (
    Example,
    Json,
    Rejection,
    Reply,
    Sampling,
    Settings,
    Task,
    assistant,
    system,
)

from .constitution import Constitution, load_constitution
from .report import report
from .screening import Screening, screen, screen_completion
from .styles import (
    Draft,
    Prompts,
    ask_for_completion,
    ask_in_brief,
    ask_in_chat,
    chat_schema,
    choose_style,
    read_brief,
    read_chat,
)


class Config(Settings):
    style: Literal["auto", "chat", "brief", "reference"] = "auto"
    """`chat`: JSON, for instruction-tuned models; `brief`: for small ones; `reference`: the paper's
    completion, for base models. `auto` is `brief` for the built-in model, else `chat`."""
    constitution: Literal["shipped"] | Constitution = "shipped"
    """Principles, exemplars and names; your own as a YAML file."""
    shots: int | None = Field(default=None, ge=0)
    """Exemplars in a prompt (paper: 5). By default all, and none in `brief`."""
    thought: Literal["field", "trace"] = "field"
    """Where the thought of a `chat` reply is: in a field, or in a reasoning model's own trace."""
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
    """System message of the examples, in place of the principles; if empty they have none (released
    code: a short one)."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Your own texts, by the names in `prompts.yaml`."""

    @field_validator("constitution", mode="before")
    @classmethod
    def _load(cls, value: object) -> object:
        return read_yaml(Path(value)) if isinstance(value, str) and value != "shipped" else value


@method(paper="arXiv:2305.03047", report=report, seeds="builtin:self_align")
async def self_align(task: Task, teacher: Model, config: Config) -> Example | Rejection:
    """Question and answer without principles. `meta` keeps the thought and the principles that it
    cites, by number and by label."""
    constitution = config.constitution
    if constitution == "shipped":
        constitution = load_constitution()
    style = choose_style(config.style, teacher)
    shots = config.shots
    if shots is None:
        shots = 0 if style == "brief" else len(constitution.exemplars)
    if style == "reference":
        screening = await complete(task, teacher, constitution, shots, config)
    else:
        screening = await chat(task, teacher, constitution, shots, config, style)
    meta: Json = {
        **task.meta,
        "thought": screening.thought,
        "relevant_principles": list(screening.principles),
        "principles": [constitution.labels[number - 1] for number in screening.principles],
    }
    if screening.reason:
        leak = {"leak": screening.leak} if screening.leak else {}
        answer = {"answer": screening.answer} if screening.answer else {}
        return Rejection(reason=screening.reason, meta=meta | leak | answer)
    return engrave(task, screening.answer, meta, config)


async def chat(
    task: Task,
    teacher: Model,
    constitution: Constitution,
    shots: int,
    config: Config,
    style: Literal["chat", "brief"],
) -> Screening:
    """An answer by an instruction-tuned model."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens or 1024
    )
    trace = config.thought == "trace"
    if style == "chat":
        prompt = ask_in_chat(config.prompts, task, constitution, shots, trace=trace)
        schema = chat_schema(constitution, trace=trace)
        (reply,) = await teacher.send(teacher.request(prompt, sampling, schema=schema))
        draft = read_chat(reply, constitution, trace=trace)
    else:
        prompt = ask_in_brief(config.prompts, task, constitution, shots)
        reply = await teacher.chat(prompt, sampling)
        draft = read_brief(reply, constitution)
    if is_refusal(reply):
        draft = Draft(reason="refusal", thought=reply.refusal or reply.text)
    least = 1 if config.min_characters is None else config.min_characters
    return screen(draft, task.question, constitution, shots, config.product, least)


async def complete(
    task: Task, teacher: Model, constitution: Constitution, shots: int, config: Config
) -> Screening:
    """An answer by a base model, through the released code's filter."""
    if any(message.media for message in task.conversation):
        return Screening(reason="pictures")
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens or 256,
        stop=("\n\nUser:",),
    )
    prompt = ask_for_completion(config.prompts, task, constitution, shots)
    reply = await teacher.complete(prompt, sampling)
    text = reply.text.strip()
    if reply.stop == "end" and "\n\nUser:" not in text:
        text += "\n\nUser:"  # the stop string, which the filter looks for
    least = 160 if config.min_characters is None else config.min_characters
    return screen_completion(text, constitution, shots, config.product, least)


def is_refusal(reply: Reply) -> bool:
    """Whether the endpoint itself declined to answer."""
    return bool(reply.refusal) or (reply.stop == "filtered" and not reply.text)


def engrave(task: Task, answer: str, meta: Json, config: Config) -> Example:
    """The training example of principle engraving: no principles, no exemplars, no thought."""
    opening = (system(config.system),) if config.system else ()
    return task.example((*opening, *task.conversation, assistant(answer)), **meta)
