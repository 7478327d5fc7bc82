"""Reading a program off a reply."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

import pytest
from debug_bench import RIGHT, WRONG

from understudy.methods._shared.programs import read_program


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        (f"Try\n```python\n{WRONG}\n```\nno:\n```py\n{RIGHT}\n```\nand\n```text\nout\n```", RIGHT),
        (f"```\n{RIGHT}\n```", RIGHT),
        (f"```python\n{RIGHT}\n```\nIt prints\n```\n6\n```", RIGHT),
        (f"```bash\nls\n```\nHere: \n\n{RIGHT}\n\nThis doubles x.", RIGHT),
        (f"1. Like so:\n   ```python\n   {RIGHT.replace(chr(10), chr(10) + '   ')}\n   ```", RIGHT),
        (f"```python\n{RIGHT}", RIGHT),
        (f"Sure.\nimport math\n\n@cache\n{RIGHT}\n\n\ndef g():\n    pass\n\nDone", f"import math\n\n@cache\n{RIGHT}\n\n\ndef g():\n    pass"),
        ("def f(\n    x,\n):\n    '''Twice\nx.'''\n    return [x]\nIt works.", "def f(\n    x,\n):\n    '''Twice\nx.'''\n    return [x]"),
        ("```python\n    return x\n```", "    return x"),
        ("No code.", ""),
    ],
)  # fmt: skip
def test_the_program_of_a_reply(reply: str, program: str) -> None:
    assert read_program(reply) == program


def test_nothing_is_stripped_off_a_programs_end() -> None:
    program = "def f():\n    return PYTHON\n\nTON = [f]"
    assert read_program(f"```python\n{program}\n```") == program
