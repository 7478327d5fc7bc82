"""Every command and every piece of code in the documentation runs as it stands.

Blocks of a page run in order, in one empty folder. A block after `<!-- not run: reason -->` is left
out; before one after `<!-- after: command -->` that command is run. The README's two set-up commands
are run by `.ci/run`, in a fresh clone.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- (not run|after): ([^\n]+) -->\n+)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
RUNNERS = {"sh": ["bash", "-euo", "pipefail"], "python": [sys.executable]}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of every block that is to run; a `file NAME` comment makes it a file."""
    found: list[tuple[str, str]] = []
    for note, said, language, text in BLOCK.findall(page.read_text()):
        if note == "after":
            found.append(("sh", said))
        if note != "not run" and (language in RUNNERS or _file_name(text)):
            found.append((language, text))
    return found


def _file_name(text: str) -> str:
    named = re.match(r"# file: (\S+)\n", text)
    return named[1] if named else ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "100",
    }
    environment.pop("OPENAI_API_KEY", None)
    for i, (language, text) in enumerate(blocks(page)):
        if name := _file_name(text):
            (tmp_path / name).write_text(text)
            continue
        script = tmp_path / f".block{i}"
        script.write_text(text)
        done = subprocess.run(
            [*RUNNERS[language], script.name],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}:\n{text}\n{done.stdout}\n{done.stderr}"


def test_the_readme_has_something_to_run() -> None:
    assert blocks(PAGES[0])
