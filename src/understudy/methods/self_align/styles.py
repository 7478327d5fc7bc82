"""The three styles of Self-Align: how each asks, and how thought and answer are read off its replies."""

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec

from understudy.call.model import Model
from understudy.prompts import PromptSet, fill
from understudy.text import lenient_json
from understudy.types import Json, Message, Reply, Task, assistant, system, user

from .constitution import (
    Constitution,
    Turn,
    find_citations,
    find_numbers,
    read_principles,
    write_rules,
    write_thought,
)

Style = Literal["chat", "brief", "reference"]


class Prompts(PromptSet, file=__file__):
    """What is in `prompts.yaml`."""

    chat: str
    reply_with_thought: str
    reply_without_thought: str
    brief: str
    brief_question: str
    completion: str


class Draft(NamedTuple):
    """A reply, taken apart."""

    answer: str = ""
    thought: str = ""
    principles: tuple[int, ...] = ()
    """The numbers of those that the thought cites."""
    reason: str = ""
    """Why it could not be read; empty if it could."""


def choose_style(style: Literal["auto", "chat", "brief", "reference"], teacher: Model) -> Style:
    """`auto` is `brief` for the built-in model, whose training knows nothing else."""
    if style != "auto":
        return style
    return "brief" if teacher.endpoint == "pocket" else "chat"


# chat


def ask_in_chat(
    prompts: Prompts, task: Task, constitution: Constitution, shots: int, *, trace: bool
) -> list[Message]:
    """Principles in the system message, exemplars as turns, the reply as JSON."""
    instructions, turns = _split_system(task)
    head = fill(
        prompts.chat,
        name=constitution.name,
        about=constitution.introduction,
        rules=write_rules(constitution),
        reply=prompts.reply_without_thought if trace else prompts.reply_with_thought,
    )
    examples = list[Message]()
    for turn in _turns(constitution, shots):
        examples += [user(turn.question), assistant(_as_json(turn, constitution, trace=trace))]
    return [system(f"{head}\n\n{instructions}" if instructions else head), *examples, *turns]


def chat_schema(constitution: Constitution, *, trace: bool) -> Json:
    """The schema of a reply. The thought comes first: it is to be thought before the answer."""
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


def read_chat(reply: Reply, constitution: Constitution, *, trace: bool) -> Draft:
    """The fields of a JSON reply. If it has no thought, the reasoning trace is the thought.

    A reply that is not such JSON is dropped whole, since any part of it might be the thought.
    """
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    try:
        value: Any = lenient_json.loads(reply.text)
    except ValueError:
        return Draft(reason="malformed reply", thought=reply.text)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    answer, thought = fields.get("answer"), fields.get("thought")
    if not isinstance(thought, str) or not thought.strip():
        thought = reply.reasoning
    if not isinstance(answer, str) or (not trace and not thought):
        return Draft(reason="malformed reply", thought=reply.text)
    entries: Any = fields.get("relevant_principles") or []
    ids = cast("list[object]", entries if isinstance(entries, list) else [entries])
    principles = read_principles(ids, constitution) or find_citations(thought, constitution)
    return Draft(answer.strip(), thought.strip(), principles)


# brief


def ask_in_brief(
    prompts: Prompts, task: Task, constitution: Constitution, shots: int
) -> list[Message]:
    """Principles in one sentence each, the reply as a thought and then the answer."""
    instructions, (*earlier, last) = _split_system(task)
    name = constitution.name
    head = fill(prompts.brief, name=name, rules=write_rules(constitution, brief=True))
    examples = list[Message]()
    for turn in _turns(constitution, shots):
        examples.append(user(fill(prompts.brief_question, question=turn.question, name=name)))
        thought = write_thought(turn, constitution)
        examples.append(assistant(f"{thought}\n\n{name}: {turn.answer}"))
    question = fill(prompts.brief_question, question=last.text, name=name)
    head = f"{head}\n{instructions}" if instructions else head
    return [system(head), *examples, *earlier, user(question, *last.media)]


def read_brief(reply: Reply, constitution: Constitution) -> Draft:
    """The thought stands before the code-name at the start of a line, the answer after it."""
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    name = re.escape(constitution.name)
    parts = re.split(rf"(?:^|\n)[ \t]*{name}:", reply.text, maxsplit=1)
    if len(parts) == 1:
        return Draft(reason="no answer after the thought", thought=reply.text)
    thought, answer = parts
    if not thought.strip():
        return Draft(reason="malformed reply", thought=reply.text)  # the answer may hold both
    # After its answer a model may go on with the user's next question.
    answer = re.split(r"\n[ \t]*User:", answer, maxsplit=1)[0]
    return Draft(answer.strip(), thought.strip(), find_citations(thought, constitution))


# reference


def ask_for_completion(prompts: Prompts, task: Task, constitution: Constitution, shots: int) -> str:
    """One text that is continued after `(internal thoughts):`, as for a base model."""
    name = constitution.name
    head = fill(
        prompts.completion,
        name=name,
        about=constitution.introduction,
        rules=write_rules(constitution),
    )
    parts = [head]
    for number, exemplar in enumerate(constitution.exemplars[:shots], 1):
        parts.append(f"Example {number}")
        for turn in exemplar.turns:
            parts += [
                f"User: {turn.question}",
                f"{name} (internal thoughts): {write_thought(turn, constitution)}",
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


def read_completion(text: str, constitution: Constitution) -> Draft:
    """The thought stands before the code-name at the start of a paragraph, the answer after it."""
    thought, mark, answer = text.partition(f"\n\n{constitution.name}:")
    if not text.startswith(constitution.self_identification):
        return Draft(reason="no self-identification", thought=text)
    if not mark:
        return Draft(reason="no answer after the thought", thought=text)
    return Draft(answer.strip(), thought, find_citations(thought, constitution))


def _turns(constitution: Constitution, shots: int) -> Sequence[Turn]:
    return [turn for exemplar in constitution.exemplars[:shots] for turn in exemplar.turns]


def _split_system(task: Task) -> tuple[str, list[Message]]:
    """The text of the task's own system messages, and its other turns."""
    texts = [m.text for m in task.conversation if m.role == "system"]
    return "\n\n".join(texts), [m for m in task.conversation if m.role != "system"]


def _as_json(turn: Turn, constitution: Constitution, *, trace: bool) -> str:
    fields: Json = {
        "thought": write_thought(turn, constitution),
        "relevant_principles": find_numbers(turn, constitution),
        "answer": turn.answer,
    }
    if trace:
        del fields["thought"]
    return msgspec.json.encode(fields).decode()
