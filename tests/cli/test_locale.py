"""Files are UTF-8 whatever the locale; a terminal that is not shows what it can."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = "Wie viele Äpfel? 数 🍎"
SCRIPT = f"""
def answer(call):
    return "Grüße {TEXT}. The answer is 7."
"""


def understudy(*args: str) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        [sys.executable, "-m", "understudy", *args],
        capture_output=True,
        env=environment,
        check=False,
    )


@pytest.mark.timeout(60)
def test_a_run_in_an_ascii_locale_reads_and_writes_utf_8(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT, encoding="utf-8")
    Path("seeds.jsonl").write_text(
        json.dumps({"id": "ä1", "prompt": TEXT}, ensure_ascii=False), "utf-8"
    )
    Path("recipe.yaml").write_text(
        "seeds: seeds.jsonl\nmodels: {teacher: 'scripted:script.py:answer'}\n"
        "steps: [{self_consistency: {samples: 1, shots: 0}, label: Schätzung}]\nout: out\n",
        encoding="utf-8",
    )

    run = understudy("run", "recipe.yaml")

    assert run.returncode == 0, run.stderr.decode()
    row = json.loads(Path("out/data/train.jsonl").read_text("utf-8"))
    assert (row["id"], row["messages"][0]["content"]) == ("ä1", TEXT)
    assert TEXT in Path("out/report.html").read_text("utf-8")
    assert "Schätzung" in Path("out/README.md").read_text("utf-8")
    assert understudy("run", "recipe.yaml").returncode == 0  # its run.json is read back


@pytest.mark.timeout(60)
def test_what_an_ascii_terminal_cannot_show_is_escaped(own_folder: None) -> None:
    test_a_run_in_an_ascii_locale_reads_and_writes_utf_8(None)

    show = understudy("show", "out")

    assert show.returncode == 0, show.stderr.decode()
    assert b"Sch\\xe4tzung" in show.stdout
    assert understudy("export", "out", "--to", "x.jsonl").returncode == 0
    assert TEXT in Path("x.jsonl").read_text("utf-8")
