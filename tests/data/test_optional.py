"""Without an extra everything else works, and what needs it says what to install."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from understudy.cli.app import app
from understudy.data.read import read_tasks
from understudy.exports.formats import DEFAULT
from understudy.exports.write import write

ROOT = Path(__file__).parent.parent.parent
SCRIPT = """
def answer(call):
    return "The answer is 1."
"""
SEEDS = [{"id": "a", "prompt": "1?"}, {"id": "b", "prompt": "2?"}, {"x": 1}]


def bare(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """What `code` comes to in a process that cannot import pyarrow."""
    code = f"import sys; sys.modules['pyarrow'] = None\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
    )


def bare_cli(*args: str) -> subprocess.CompletedProcess[str]:
    return bare("from understudy.cli.app import main; main()", *args)


def recipe(seeds: str, *flags: str) -> list[str]:
    Path("script.py").write_text(SCRIPT)
    return [
        "run", "self_consistency", f"seeds={seeds}", "models.teacher=scripted:script.py:answer",
        "samples=2", "shots=0", "out=out", *flags,
    ]  # fmt: skip


def cli(*args: str) -> str:
    found = CliRunner().invoke(app, list(args), prog_name="understudy")
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_run_without_pyarrow_makes_all_but_the_parquet_file_and_that_can_be_had_later() -> None:
    done = bare_cli(*recipe(str(SEEDS)))

    assert (done.returncode, done.stdout.partition(";")[0]) == (0, "out: done"), done.stderr
    assert "parquet" not in done.stdout + done.stderr
    assert {file.name for file in Path("out/data").iterdir()} == {".exported", "train.jsonl"}
    assert len(Path("out/failures.jsonl").read_text().splitlines()) == 1
    assert Path("out/rejected.jsonl").is_file()
    assert "path: data/*.jsonl" in Path("out/README.md").read_text()

    assert "out/data/train.parquet" in cli("export", "out")
    later = list(read_tasks("out/data/train.parquet"))
    assert later == list(read_tasks("out/data/train.jsonl"))
    assert len(later) == 2
    assert "path: data/*.parquet" in Path("out/README.md").read_text()


def test_a_parquet_file_goes_only_where_it_would_lack_rows_and_cannot_be_made_again() -> None:
    parquet = Path("out/data/train.parquet")
    cli(*recipe(str(SEEDS), "max_seeds=1"))

    again = bare_cli("export", "out")
    assert "train.jsonl" in again.stdout
    assert "parquet" not in again.stdout
    assert parquet.is_file()

    assert bare_cli(*recipe(str(SEEDS), "max_seeds=2")).returncode == 0
    assert len(Path("out/data/train.jsonl").read_text().splitlines()) == 2
    assert not parquet.exists()
    assert "path: data/*.jsonl" in Path("out/README.md").read_text()


def test_an_export_to_parquet_without_pyarrow_says_what_to_install_and_writes_nothing() -> None:
    cli(*recipe(str(SEEDS)))

    found = bare_cli("export", "out", "--to", "new/x.parquet")

    assert (found.returncode, found.stdout) == (2, "")
    assert re.fullmatch(
        r"understudy: new/x\.parquet: expected the packages of the extra 'parquet', "
        r"found: .*pyarrow.*\. "
        r"Run: pip install 'understudy\[parquet\]'\n",
        found.stderr,
    )
    assert not Path("new").exists()


def test_it_is_said_before_the_first_row_is_made() -> None:
    found = bare("""
from pathlib import Path
from understudy.exports.formats import DEFAULT
from understudy.exports.write import write
from understudy.errors import ConfigError

def rows():
    raise AssertionError("a row was made")
    yield

try:
    write(rows(), Path("x.parquet"), DEFAULT)
except ConfigError as error:
    print(error)
""")

    assert found.stdout.endswith("pip install 'understudy[parquet]'\n"), found.stderr


def test_seeds_in_parquet_without_pyarrow_say_what_to_install_and_no_run_starts() -> None:
    write([], Path("seeds.parquet"), DEFAULT)

    found = bare_cli(*recipe("seeds.parquet"))

    assert found.returncode == 2
    assert "seeds.parquet: expected the packages of the extra 'parquet', found: " in found.stderr
    assert "Run: pip install 'understudy[parquet]'" in found.stderr
    assert not Path("out/run.json").exists()
    assert not Path("out/data").exists()


def test_every_extra_that_is_required_exists() -> None:
    files = (ROOT / "src").rglob("*.py")
    extras = {name for file in files for name in re.findall(r'require\("(\w+)"', file.read_text())}

    assert extras == {"hub", "parquet"}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras <= set(declared["optional-dependencies"])
