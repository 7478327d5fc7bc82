"""How the replies of Self-Align's second stage are read: the thought, what it cites, the answer."""

import re
from typing import Any, NamedTuple, cast

from understudy.methods._self_align_constitution import Constitution, cited, known
from understudy.text import lenient_json
from understudy.types import Reply


class Draft(NamedTuple):
    """A reply, taken apart."""

    answer: str = ""
    thought: str = ""
    cited: tuple[int, ...] = ()
    reason: str = ""
    """Why it could not be read; empty where it could."""


def read_chat(reply: Reply, constitution: Constitution, *, trace: bool) -> Draft:
    """The fields of a JSON reply; without a thought of its own, the reasoning trace is it.

    A reply that is not such JSON is dropped whole: whatever of it were taken for the answer could be
    the thought.
    """
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    try:
        value: Any = lenient_json.loads(reply.text)
    except ValueError:
        return Draft(reason="malformed reply", thought=reply.text)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    answer, said = fields.get("answer"), fields.get("thought")
    own = said if isinstance(said, str) and said.strip() else reply.reasoning
    if not isinstance(answer, str) or (not trace and not own):
        return Draft(reason="malformed reply", thought=reply.text)
    listed: Any = fields.get("relevant_principles") or []
    ids = cast("list[object]", listed if isinstance(listed, list) else [listed])
    return Draft(answer.strip(), own.strip(), known(ids, constitution) or cited(own, constitution))


def read_brief(reply: Reply, constitution: Constitution) -> Draft:
    """What stands before and after the code-name at the start of a line."""
    if reply.stop == "length":
        return Draft(reason="cut off", thought=reply.text)
    name = re.escape(constitution.name)
    own, found, answer = _split(reply.text, rf"(?:^|\n)[ \t]*{name}:")
    if not found:
        return Draft(reason="no answer after the thought", thought=reply.text)
    if not own.strip():
        return Draft(reason="malformed reply", thought=reply.text)  # then the answer may be both
    # What a model writes on after its answer is the next question of a dialogue that is not there.
    answer, _, _ = _split(answer, r"\n[ \t]*User:")
    return Draft(answer.strip(), own.strip(), cited(own, constitution))


def _split(said: str, mark: str) -> tuple[str, bool, str]:
    found = re.search(mark, said)
    return (said[: found.start()], True, said[found.end() :]) if found else (said, False, "")
