"""The command line as tests call it, and a run to call it on."""

from pathlib import Path

from typer.testing import CliRunner, Result

from understudy.cli.app import app

SCRIPT = """
from understudy.errors import BudgetExhausted, Rejected

def answer(call):
    return f"Thought {call.draw}. The answer is {len(call.task)}."

def refuses(call):
    raise Rejected("400")

def stops(call):
    raise BudgetExhausted("no money left")

def buggy(call):
    raise KeyError("bug")
"""


def cli(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), prog_name="understudy")


def run(*flags: str, model: str = "answer") -> Result:
    Path("script.py").write_text(SCRIPT)
    Path("seeds.jsonl").write_text('{"id": "a", "prompt": "1 + 1?"}\n{"id": "bb", "prompt": "?"}\n')
    return cli(
        "run", "self_consistency", "seeds=seeds.jsonl", f"models.teacher=scripted:script.py:{model}",
        "samples=2", "shots=0", "out=out", *flags,
    )  # fmt: skip
