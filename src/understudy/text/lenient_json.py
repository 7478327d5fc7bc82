"""JSON as models write it: in prose, in Markdown fences, or not quite JSON.

All functions take time linear in the text, whatever it holds.
"""

import json
import re
from typing import Any, NoReturn

from understudy.text.fences import strip_fences

_KEY = re.compile(r'\s*"[^"\n]{1,64}"\s*:')
_REPAIRABLE = 8_192
"""Most characters that are given to the repair library, whose time is quadratic in them at worst:
1.4 s was measured for 8,000 characters of a hostile pattern, some ms for what models write."""
_DEPTH = 64
"""Most levels of nesting that are given to it; beyond some hundreds it gives up, slowly."""
_QUOTE = 200
"""Characters of a text that an error message quotes."""


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
    start = _from_first_brace(strip_fences(text)) or _from_first_brace(text)
    if not start:
        raise ValueError(f"expected JSON, found {_show(text)}")
    return _repair(start, text)


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


def _from_first_brace(text: str) -> str:
    """From the first brace on, or the first bracket where there is no brace; else nothing.

    A text that begins with a key has lost its opening brace: it is put back.
    """
    if _KEY.match(text):
        return "{" + text
    start = text.find("{")
    if start < 0:
        start = text.find("[")
    return text[start:] if start >= 0 else ""


def _repair(start: str, text: str) -> dict[str, Any] | list[Any]:
    if len(start) > _REPAIRABLE or _depth(start) > _DEPTH:
        raise ValueError(
            f"expected JSON, found {len(start)} characters, {_depth(start)} levels deep, that are"
            f" not; such a size is not repaired: {_show(text)}"
        )
    import json_repair  # slow to import, and most replies need none of it

    try:
        value = json_repair.loads(start, skip_json_loads=True)
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
    return repr(text[:_QUOTE]) + (f" and {len(text) - _QUOTE} more" if len(text) > _QUOTE else "")
