"""The reasoning trace in a reply's text: `<think>...</think>`.

Takes time linear in the text, whatever it holds.
"""

import re

_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str, str]:
    """The text without its reasoning trace, and the trace.

    The trace is what stands between `<think>` (or `<thinking>`) tags. If the first tag is a closing
    one, the trace is all before it: some servers put the opening tag into the prompt. If an opening
    tag is never closed, the trace is the rest: the reply was cut off. A tag in backticks is not a
    tag but a word about one.
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
