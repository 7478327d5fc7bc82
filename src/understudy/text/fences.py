"""The Markdown code block in a reply's text. Takes time linear in the text."""

from collections.abc import Iterator

_FENCE = "```"


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
