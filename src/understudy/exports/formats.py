"""Examples as rows of the formats that trainers read.

* `messages`: `{messages: [{role, content, ...}]}`, the conversational language-modelling type of TRL's
  `SFTTrainer` (https://huggingface.co/docs/trl/dataset_formats); also what OpenAI-style tools read.
* `prompt-completion`: `{prompt: [turns], completion: [last turn]}`, TRL's other conversational type:
  the loss is on the completion only.
* `preference`: `{prompt: [turns], chosen: [last turn], rejected: [turns]}`, TRL's conversational
  preference type with an explicit prompt, which `DPOTrainer` and its like read. Of examples that have
  `rejected` turns; in the other formats the text of the last of these is an extra.
* `alpaca`: `{instruction, input, output, system, history: [[question, answer], ...]}` as LLaMA-Factory
  reads it, with `system` and `history` named in its `dataset_info.json`. `input` is always empty.
* `sharegpt`: `{conversations: [{from, value}]}` with `system`, `human`, `gpt`, `function_call` and
  `observation`, LLaMA-Factory's default tags. Human turns and observations alternate with the
  model's, as its reader demands (it drops other rows with no more than a warning): results of calls
  made together are one observation.

Tool calls: in `messages`, `prompt-completion` and `preference` as `tool_calls` with the arguments as an
object, as chat templates expect (as text where they are no JSON object); a tool's result names the tool.
The declarations of the tools are not part of an example.

Pictures and sound: `images` and `audios` hold, in order, `http(s)` or `data:` URLs, and their places
are `{"type": "image"}` parts, or `<image>` marks in `alpaca` and `sharegpt`. Pictures that all come
first in the first user turn, which is where TRL puts them by itself, need no parts. LLaMA-Factory
reads files, not `data:` URLs: save the pictures first, or train from `messages`.

With `extras`, a row has a column `meta` with what else is known of the example.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import msgspec

from understudy.types import Audio, Example, Image, Json, Message, Text, ToolCall

Format: TypeAlias = Literal["messages", "prompt-completion", "preference", "alpaca", "sharegpt"]

FORMATS: tuple[Format, ...] = get_args(Format)


def row(example: Example, format: Format, *, extras: bool = True) -> Json:
    """The example in a format, with its id, and with `extras` all else under `meta`.

    Raises:
        ValueError: the format cannot express it.
    """
    made = {"id": example.id, **_MAKERS[format](example)}
    if extras:
        made["meta"] = _extras(example)
        if format == "preference":
            made["meta"].pop("rejected", None)
    return made


def messages(example: Example) -> Json:
    """All turns as they are."""
    return {"messages": _turns(example), **_media(example)}


def prompt_completion(example: Example) -> Json:
    """The turns before the answer, and the answer."""
    _answered(example, "prompt-completion")
    *prompt, completion = _turns(example)
    return {"prompt": prompt, "completion": [completion], **_media(example)}


def preference(example: Example) -> Json:
    """The turns before the answer, the answer, and what is worse in its place."""
    _answered(example, "preference")
    if not example.rejected or example.rejected[-1].role != "assistant":
        found = f"a {example.rejected[-1].role} turn at their end" if example.rejected else "none"
        raise _inexpressible(example, "preference", "rejected turns that end with an answer", found)
    if any(message.media for message in (example.messages[-1], *example.rejected)):
        raise _inexpressible(example, "preference", "answers of text", "a picture or sound in one")
    *prompt, chosen = _turns(example)
    names = _names(example.rejected)
    rejected = [_turn(message, names, simple=True) for message in example.rejected]
    return {"prompt": prompt, "chosen": [chosen], "rejected": rejected, **_media(example)}


def alpaca(example: Example) -> Json:
    """One question and its answer, with earlier pairs as history. No tool calls."""
    opening, turns = _split(example, "alpaca")
    _answered(example, "alpaca")
    for index, message in enumerate(turns):
        expected = "assistant" if index % 2 else "user"
        if message.role != expected or message.tool_calls:
            found = "a tool call" if message.tool_calls else f"a {message.role} turn"
            raise _inexpressible(
                example,
                "alpaca",
                "user and assistant turns in alternation",
                f"{found} as turn {index + 1}",
            )
    texts = [_marked(message) for message in turns]
    return {
        "instruction": texts[-2],
        "input": "",
        "output": texts[-1],
        "system": opening,
        "history": [texts[at : at + 2] for at in range(0, len(texts) - 2, 2)],
        **_media(example),
    }


def sharegpt(example: Example) -> Json:
    """The turns by speaker."""
    opening, turns = _split(example, "sharegpt")
    _answered(example, "sharegpt")
    spoken = list[dict[str, str]]()
    for message in turns:
        speaker, value = _spoken(example, message)
        if speaker == "observation" and spoken and spoken[-1]["from"] == speaker:
            spoken[-1]["value"] += f"\n{value}"
        else:
            spoken.append({"from": speaker, "value": value})
    for index, turn in enumerate(spoken):
        expected = ("gpt", "function_call") if index % 2 else ("human", "observation")
        if turn["from"] not in expected:
            raise _inexpressible(
                example,
                "sharegpt",
                "human turns or observations to alternate with the model's",
                f"{turn['from']} as turn {index + 1}",
            )
    head = [{"from": "system", "value": opening}] if opening else []
    return {"conversations": head + spoken, **_media(example)}


_MAKERS: dict[Format, Callable[[Example], Json]] = {
    "messages": messages,
    "prompt-completion": prompt_completion,
    "preference": preference,
    "alpaca": alpaca,
    "sharegpt": sharegpt,
}


def _inexpressible(example: Example, format: Format, expected: str, found: str) -> ValueError:
    return ValueError(
        f"example {example.id!r}: {format} needs {expected}; found {found}. Export as messages, or "
        "filter such examples out."
    )


def _answered(example: Example, format: Format) -> None:
    if len(example.messages) < 2 or example.messages[-1].role != "assistant":
        last = f"a {example.messages[-1].role} turn at the end" if example.messages else "no turn"
        raise _inexpressible(
            example, format, "a question and the assistant's answer after it", last
        )


def _split(example: Example, format: Format) -> tuple[str, Sequence[Message]]:
    """The system prompt, and the other turns."""
    turns = example.messages
    opening = turns[0].text if turns and turns[0].role == "system" else ""
    rest = turns[1:] if turns and turns[0].role == "system" else turns
    if any(message.role == "system" for message in rest):
        raise _inexpressible(example, format, "a system turn only at the start", "one further on")
    return opening, rest


def _turns(example: Example) -> list[Json]:
    simple = _leads(example)
    names = _names(example.messages)
    return [_turn(message, names, simple=simple) for message in example.messages]


def _names(messages: Sequence[Message]) -> dict[str, str]:
    """Of the tools that were called, by the calls' ids."""
    return {call.id: call.name for message in messages for call in message.tool_calls}


def _turn(message: Message, names: dict[str, str], *, simple: bool) -> Json:
    made: Json = {"role": message.role, "content": message.text}
    if message.media and not simple:
        made["content"] = _parts(message)
    if message.tool_calls:
        made["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        made["tool_call_id"] = message.tool_call_id
        made["name"] = names.get(message.tool_call_id, "")
    return made


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": _arguments(call)}
    return {"id": call.id, "type": "function", "function": function}


def _arguments(call: ToolCall) -> Json | str:
    try:
        value: object = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return call.arguments
    return cast("Json", value) if isinstance(value, dict) else call.arguments


def _parts(message: Message) -> list[Json]:
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image" if isinstance(part, Image) else "audio"}
        for part in message.content
        if not isinstance(part, str)
    ]


def _leads(example: Example) -> bool:
    """Whether its media are pictures before the text of the first user turn, and nothing else."""
    asking = [message for message in example.messages if message.role == "user"][:1]
    if any(message.media for message in example.messages if message not in asking):
        return False
    for message in asking:
        if isinstance(message.content, str):
            continue
        kinds = [type(part) for part in message.content]
        if kinds and kinds != [Image] * (len(kinds) - 1) + [Text]:
            return False
    return True


def _marked(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    marks = {Image: "<image>", Audio: "<audio>"}
    return "".join(
        part.text if isinstance(part, Text) else marks[type(part)] for part in message.content
    )


def _spoken(example: Example, message: Message) -> tuple[str, str]:
    if not message.tool_calls:
        speakers = {"user": "human", "assistant": "gpt", "tool": "observation"}
        return speakers[message.role], _marked(message)
    if message.text:
        raise _inexpressible(
            example, "sharegpt", "a turn that is text or tool calls", "one that is both"
        )
    calls = [{"name": call.name, "arguments": _arguments(call)} for call in message.tool_calls]
    value = calls[0] if len(calls) == 1 else calls
    return "function_call", msgspec.json.encode(value).decode()


def _media(example: Example) -> Json:
    """The columns `images` and `audios`, where there are any."""
    media = [part for message in example.messages for part in message.media]
    columns = {
        "images": [_url(example, part) for part in media if isinstance(part, Image)],
        "audios": [_url(example, part) for part in media if isinstance(part, Audio)],
    }
    return {name: urls for name, urls in columns.items() if urls}


def _url(example: Example, part: Image | Audio) -> str:
    if part.url:
        return part.url
    if not part.data:
        raise ValueError(
            f"example {example.id!r}: expected a picture or sound with its bytes or URL, found only "
            f"its digest {part.sha256!r}."
        )
    return f"data:{part.media_type};base64,{base64.b64encode(part.data).decode()}"


def _extras(example: Example) -> Json:
    known: dict[str, Any] = {
        "rejected": example.rejected[-1].text if example.rejected else None,
        "reference": example.reference,
        "choices": list(example.choices),
        "tests": list(example.tests),
        "scores": example.scores,
        "lineage": list(example.lineage),
        "meta": example.meta,
    }
    return {name: value for name, value in known.items() if value not in (None, [], {})}
