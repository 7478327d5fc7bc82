"""What a reply's text holds: its reasoning trace, its fenced block, its JSON.

Models wrap what was asked of them: in a trace (`<think>...</think>`), in prose, in Markdown fences,
in JSON that is not quite JSON. All functions here take time linear in the text, whatever it holds.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_FENCE = "```"
_KEY = re.compile(r'\s*"[^"\n]{1,64}"\s*:')
_REPAIRABLE = 8_192
"""Most characters that are given to the repair library, whose time is quadratic in them at worst:
1.4 s was measured for 8,000 characters of a hostile pattern, some ms for what models write."""
_DEPTH = 64
"""Most levels of nesting that are given to it; beyond some hundreds it gives up, slowly."""
_SHOWN = 200
"""Characters of a text that an error message quotes."""


def split_reasoning(text: str) -> tuple[str, str]:
    """The text without its reasoning trace, and the trace.

    A trace is all that stands in `<think>` (or `<thinking>`) tags; where the first tag is a closing
    one, all before it, for some servers hand the opening one to the model as part of the prompt;
    where an opening one is never closed, the rest, for the reply was cut. A tag in backticks is a
    word about tags.
    """
    if "<" not in text or not _TAG.search(text):
        return text, ""
    visible, trace = list[str](), list[str]()
    inside, start = False, 0
    for match in _TAG.finditer(text):
        if _quoted(text, match.start(), match.end()) or (inside and not match[1]):
            continue
        piece, start = text[start : match.start()], match.end()
        if not match[1]:
            visible.append(piece)
        elif inside:
            trace.append(piece)
        else:
            trace += [*visible, piece]
            visible.clear()
        inside = not match[1]
    if start == 0:
        return text, ""
    (trace if inside else visible).append(text[start:])
    return "".join(visible).strip(), "\n".join(part.strip() for part in trace if part.strip())


def _quoted(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] == "`" == text[end : end + 1]


def strip_fences(text: str) -> str:
    """The inside of the largest Markdown code block, or all of a text that has none, stripped."""
    return max(_blocks(text), key=len, default=text).strip()


def _blocks(text: str) -> Iterator[str]:
    """The insides of all fenced blocks; the last one may lack its closing fence."""
    block: list[str] | None = None
    for line in text.split("\n"):
        bare = line.strip()
        if block is None:
            if bare.startswith(_FENCE):
                if len(bare) > 6 and bare.endswith(_FENCE):
                    yield bare.strip("`")
                else:
                    block = []
        elif bare == _FENCE:
            yield "\n".join(block)
            block = None
        elif bare.endswith(_FENCE) and bare.count(_FENCE) == 1:
            yield "\n".join([*block, line.rstrip()[:-3]])
            block = None
        else:
            block.append(line)
    if block is not None:
        yield "\n".join(block)


def loads(text: str) -> Any:
    """The JSON value that a reply's text holds.

    Tried in turn: the whole text, the largest fenced block, the outermost braces or brackets, each
    as strict JSON and then with bare line breaks allowed in strings; at last the same through a
    library that guesses what was meant, which must give an object or array with something in it.
    Raises `ValueError` with what was found.
    """
    candidates = [text.strip(), strip_fences(text), *_outermost(text)]
    for candidate in dict.fromkeys(candidates):
        for strict in (True, False):
            try:
                return _parse(candidate, strict=strict)
            except ValueError:
                continue
    opened = _opened(strip_fences(text)) or _opened(text)
    if not opened:
        raise ValueError(f"expected JSON, found {_show(text)}")
    return _repair(opened, text)


def has_json(text: str) -> bool:
    """Whether some part of the text is JSON as it stands, with no guessing."""
    for candidate in (text, strip_fences(text), *_outermost(text)):
        try:
            _parse(candidate, strict=False)
        except ValueError:
            continue
        return True
    return False


def _parse(text: str, *, strict: bool) -> Any:
    try:
        return json.loads(text, strict=strict, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _outermost(text: str) -> list[str]:
    """From the first opening brace to the last closing one, the same for brackets, outer first."""
    spans = list[tuple[int, int]]()
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            spans.append((start, end + 1))
    return [text[start:end] for start, end in sorted(spans)]


def _opened(text: str) -> str:
    """From the first brace on, or the first bracket where there is no brace; else nothing.

    A text that begins with a key has lost its opening brace: it is put back.
    """
    if _KEY.match(text):
        return "{" + text
    start = text.find("{")
    if start < 0:
        start = text.find("[")
    return text[start:] if start >= 0 else ""


def _repair(opened: str, text: str) -> dict[str, Any] | list[Any]:
    if len(opened) > _REPAIRABLE or _depth(opened) > _DEPTH:
        raise ValueError(
            f"expected JSON, found {len(opened)} characters, {_depth(opened)} levels deep, that are"
            f" not; such a size is not repaired: {_show(text)}"
        )
    import json_repair  # slow to import, and most replies need none of it

    try:
        value = json_repair.loads(opened, skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON, found {_show(text)}") from error
    if isinstance(value, dict | list) and value:
        return value
    raise ValueError(f"expected JSON, found {_show(text)}")


def _depth(text: str) -> int:
    """Deepest nesting if every brace and bracket counted, those in strings included."""
    depth = deepest = 0
    for match in re.finditer(r"[\[{]|[\]}]", text):
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _show(text: str) -> str:
    if not text.strip():
        return "nothing"
    return repr(text[:_SHOWN]) + (f" and {len(text) - _SHOWN} more" if len(text) > _SHOWN else "")
