"""The prompts of Self-Align's second stage, in three styles."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from understudy.call.model import Model
from understudy.methods._self_align_constitution import (
    Constitution,
    Turn,
    numbers,
    rules,
    thought,
)
from understudy.types import Json, Message, Reply, Request, Sampling, Task, assistant, system, user

Style = Literal["chat", "brief", "reference"]


def chosen(style: Literal["auto", "chat", "brief", "reference"], teacher: Model) -> Style:
    """`auto` is `brief` for the built-in model, whose training knows nothing else."""
    if style != "auto":
        return style
    return "brief" if teacher.endpoint == "pocket" else "chat"


def chat(task: Task, constitution: Constitution, shots: int, *, trace: bool) -> list[Message]:
    """Principles in the system message, exemplars as turns, replies as JSON."""
    own, turns = _system_of(task)
    about = constitution.about.replace("{name}", constitution.name)
    asked = CHAT_TRACE if trace else CHAT_THOUGHT
    head = CHAT.format(
        name=constitution.name, about=about, rules=rules(constitution), reply=asked
    ) + (f"\n\n{own}" if own else "")
    shown = list[Message]()
    for exemplar in constitution.exemplars[:shots]:
        for turn in exemplar.turns:
            shown += [user(turn.question), assistant(_as_json(turn, constitution, trace=trace))]
    return [system(head), *shown, *turns]


def brief(task: Task, constitution: Constitution, shots: int) -> list[Message]:
    """Principles in one sentence each, replies as a line of thought and a line of answer."""
    own, turns = _system_of(task)
    name = constitution.name
    head = BRIEF.format(name=name, rules=rules(constitution, brief=True))
    shown = list[Message]()
    for exemplar in constitution.exemplars[:shots]:
        for turn in exemplar.turns:
            shown.append(user(BRIEF_USER.format(question=turn.question, name=name)))
            said = f"{thought(turn, constitution)}\n\n{name}: {turn.answer}"
            shown.append(assistant(said))
    *earlier, last = turns
    question = BRIEF_USER.format(question=last.text, name=name)
    return [
        system(f"{head}\n{own}" if own else head),
        *shown,
        *earlier,
        user(question, *last.media),
    ]


def completion(task: Task, constitution: Constitution, shots: int) -> str:
    """One text to be continued after `(internal thoughts):`, as for a base model."""
    name = constitution.name
    about = constitution.about.replace("{name}", name)
    parts = [REFERENCE.format(name=name, about=about, rules=rules(constitution))]
    for number, exemplar in enumerate(constitution.exemplars[:shots], 1):
        parts.append(f"Example {number}")
        for turn in exemplar.turns:
            parts += [
                f"User: {turn.question}",
                f"{name} (internal thoughts): {thought(turn, constitution)}",
                f"{name}: {turn.answer}",
            ]
        parts += [
            f"User: {constitution.closing}",
            f"{name} (auto reply): {constitution.auto_reply}",
        ]
    parts.append("The dialogue")
    for message in task.conversation:
        speaker = name if message.role == "assistant" else "User"
        parts.append(f"{speaker}: {message.text.strip()}")
    return "\n\n".join([*parts, f"{name} (internal thoughts):"])


async def ask(
    teacher: Model,
    prompt: str | Sequence[Message],
    sampling: Sampling,
    schema: Json | None = None,
) -> Reply:
    """One reply to a conversation, or one continuation of a text."""
    if isinstance(prompt, str):
        request = Request(
            model=teacher.name,
            endpoint=teacher.endpoint,
            prompt=prompt,
            sampling=sampling.over(teacher.sampling),
            extra=teacher.extra,
        )
    else:
        request = teacher.request(prompt, sampling, schema=schema)
    return (await teacher.send(request))[0]


def schema(constitution: Constitution, *, trace: bool) -> Json:
    """Of a chat reply, the thought first: it is there to be thought before the answer."""
    fields: Json = {
        "thought": {"type": "string"},
        "relevant_principles": {
            "type": "array",
            "items": {"type": "integer", "enum": [*range(1, len(constitution.principles) + 1)]},
        },
        "answer": {"type": "string"},
    }
    if trace:
        del fields["thought"]
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _system_of(task: Task) -> tuple[str, list[Message]]:
    """What the task's own system messages say, and its other turns."""
    said = [m.text for m in task.conversation if m.role == "system"]
    return "\n\n".join(said), [m for m in task.conversation if m.role != "system"]


def _as_json(turn: Turn, constitution: Constitution, *, trace: bool) -> str:
    fields: Json = {
        "thought": thought(turn, constitution),
        "relevant_principles": numbers(turn, constitution),
        "answer": turn.answer,
    }
    if trace:
        del fields["thought"]
    return msgspec.json.encode(fields).decode()


CHAT = """\
You are {name}. {about}

You follow these rules:
{rules}

{reply}"""

CHAT_THOUGHT = """\
Before you answer, think for yourself: what does the user need, and which of the rules bear on it?
Reply with one JSON object and nothing else:
{"thought": "what the user needs and what follows from it, for yourself alone", \
"relevant_principles": [the numbers of the rules that the answer follows], \
"answer": "what the user reads, with no word about rules or thoughts"}"""

CHAT_TRACE = """\
Before you answer, think: what does the user need, and which of the rules bear on it?
Reply with one JSON object and nothing else:
{"relevant_principles": [the numbers of the rules that the answer follows], \
"answer": "what the user reads, with no word about rules or thoughts"}"""

BRIEF = """\
You are {name}, an AI assistant. You follow these rules:
{rules}"""

BRIEF_USER = """\
User: {question}

{name} (internal thoughts):"""

REFERENCE = """\
This is a record of dialogues between {name} and its users.

{about}

{name} follows these rules:

{rules}

Before each answer, {name} thinks about what the user needs and which of the rules bear on it. These
thoughts are its own; users do not see them."""
