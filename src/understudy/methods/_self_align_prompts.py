"""The prompts of Self-Align's second stage in three styles, and how their replies are read."""

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

from understudy import text
from understudy.methods._self_align_constitution import (
    Constitution,
    Turn,
    cited,
    known,
    numbers,
    rules,
    thought,
)
from understudy.model import Model
from understudy.types import Json, Message, Reply, Request, Sampling, Task, assistant, system, user

Style = Literal["chat", "brief", "reference"]


class Draft(NamedTuple):
    """A reply, taken apart."""

    answer: str = ""
    thought: str = ""
    cited: tuple[int, ...] = ()
    reason: str = ""
    """Why it could not be: nothing where it could."""


def chosen(style: Literal["auto", "chat", "brief", "reference"], teacher: Model) -> Style:
    """`auto` is `brief` for the built-in model, whose training knows nothing else."""
    if style != "auto":
        return style
    return "brief" if teacher.endpoint == "pocket" else "chat"


def chat(task: Task, constitution: Constitution, shots: int, *, trace: bool) -> list[Message]:
    """Principles in the system message, exemplars as turns, replies as JSON."""
    own, turns = _system_of(task)
    about = constitution.about.format(name=constitution.name)
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
    about = constitution.about.format(name=name)
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


def read_chat(reply: Reply, constitution: Constitution, *, trace: bool) -> Draft:
    """The fields of a JSON reply; without a thought of its own, the reasoning trace is it.

    A reply that is not such JSON is dropped whole: whatever of it were taken for the answer could be
    the thought.
    """
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    try:
        value: Any = text.loads(reply.text)
    except ValueError:
        return Draft(reason="malformed reply", thought=reply.text)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    answer, said = fields.get("answer"), fields.get("thought")
    own = said if isinstance(said, str) and said.strip() else reply.reasoning
    if not isinstance(answer, str) or (not trace and not own):
        return Draft(reason="malformed reply", thought=reply.text)
    listed: Any = fields.get("relevant_principles") or []
    ids = cast("list[object]", listed if isinstance(listed, list) else [listed])
    return Draft(
        answer.strip(), own.strip(), known(ids, constitution) or cited(own, constitution)
    )


def read_brief(reply: Reply, constitution: Constitution) -> Draft:
    """What stands before and after the code-name at the start of a line."""
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    name = re.escape(constitution.name)
    own, found, answer = _split(reply.text, rf"(?:^|\n)[ \t]*{name}:")
    if not found:
        return Draft(reason="no answer after the thought", thought=reply.text)
    # What a model writes on after its answer is the next question of a dialogue that is not there.
    answer, _, _ = _split(answer, r"\n[ \t]*User:")
    return Draft(answer.strip(), own.strip(), cited(own, constitution))


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


def _split(said: str, mark: str) -> tuple[str, bool, str]:
    found = re.search(mark, said)
    return (said[: found.start()], True, said[found.end() :]) if found else (said, False, "")


def _as_json(turn: Turn, constitution: Constitution, *, trace: bool) -> str:
    fields: Json = {
        "thought": thought(turn, constitution),
        "relevant_principles": numbers(turn, constitution),
        "answer": turn.answer,
    }
    if trace:
        del fields["thought"]
    return msgspec.json.encode(fields).decode()
