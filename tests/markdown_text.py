"""What of a Markdown text can act."""

import re


def visible(text: str) -> str:
    """The text without its code, which shows and never acts."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
