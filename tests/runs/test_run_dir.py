"""A run folder belongs to one recipe and one process; what differs is named."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy import open_run
from understudy.errors import ConfigError, RunFolderError
from understudy.runs.recipe import Recipe
from understudy.runs.resolve import resolve
from understudy.runs.run_dir import RunDir, read_facts

MINE = '''"""Mine."""

from understudy import Example, Model, Task, method


@method(paper="arXiv:0000.00000")
async def mine(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(f"Please: {task.prompt}"))
'''
SCRIPT = "def answer(call):\n    return call.request.messages[-1].text\n"


@pytest.fixture(autouse=True)
def files(own_folder: None) -> None:
    Path("mine.py").write_text(MINE)
    Path("script.py").write_text(SCRIPT)


def recipe(**changes: Any) -> dict[str, Any]:
    return {
        "seeds": [{"id": "t1", "prompt": "a"}, {"id": "t2", "prompt": "b"}],
        "models": {"teacher": "scripted:script.py:answer"},
        "steps": ["./mine.py:mine"],
        "out": "out",
        **changes,
    }


def take(**changes: Any) -> RunDir:
    return RunDir.take(resolve(Recipe.of(recipe(**changes))))


def refusal(**changes: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        take(**changes)
    return str(raised.value)


def claim() -> None:
    run_dir = take()
    run_dir.claim(resolve(Recipe.of(recipe())))
    run_dir.release()


def test_what_differs_is_named_with_the_cure() -> None:
    claim()
    assert refusal(seed=3, columns={"prompt": "q"}).splitlines() == [
        "out holds a run of another recipe. What differs (there -> here):",
        "  columns: {} -> (unset)",
        "  columns.prompt: (unset) -> 'q'",
        "  seed: 0 -> 3",
        "Run it as it was, or start a new one: out=NEW reuse='[out]' takes from this one every reply "
        "that is still needed.",
    ]


def test_an_edited_method_file_is_refused_by_its_name() -> None:
    claim()
    Path("mine.py").write_text(MINE.replace("Please", "Now"))
    assert "\n  steps.0.code: ./mine.py:mine was changed\n" in refusal()
    Path("mine.py").write_text(MINE)
    take().release()


def test_an_edited_file_in_a_methods_folder_is_refused_too() -> None:
    Path("room").mkdir()
    Path("room/__init__.py").write_text(MINE)
    Path("room/prompts.yaml").write_text("a: 1\n")
    steps = ["./room:mine"]
    run_dir = take(steps=steps)
    run_dir.claim(resolve(Recipe.of(recipe(steps=steps))))
    run_dir.release()
    Path("room/prompts.yaml").write_text("a: 2\n")
    assert "\n  steps.0.code: ./room:mine was changed\n" in refusal(steps=steps)


def test_an_upgrade_of_the_package_is_refused_with_both_releases() -> None:
    steps = ["self_consistency"]
    run_dir = take(steps=steps)
    run_dir.claim(resolve(Recipe.of(recipe(steps=steps))))
    run_dir.release()
    file = Path("out/run.json")
    facts = json.loads(file.read_text())
    code = facts["fingerprint"]["steps.0.code"]
    release, _, digest = code.rpartition(" ")
    facts["fingerprint"]["steps.0.code"] = f"understudy 0.0.9 {digest}"
    file.write_text(json.dumps(facts))
    changed = f"steps.0.code: self_consistency of understudy 0.0.9 -> {release}"
    assert changed in refusal(steps=steps)


def test_a_run_from_before_code_was_recorded_is_refused() -> None:
    claim()
    file = Path("out/run.json")
    facts = json.loads(file.read_text())
    del facts["fingerprint"]["steps.0.code"]
    file.write_text(json.dumps(facts))
    assert "steps.0.code: (unset) -> " in refusal()


def test_other_weights_behind_the_same_url_are_another_run() -> None:
    claim()
    models = {"teacher": {"model": "scripted:script.py:answer", "revision": "2026-11-28"}}
    assert "models.teacher.revision: '' -> '2026-11-28'" in refusal(models=models)


def test_the_weights_of_a_built_in_model_are_in_the_fingerprint() -> None:
    pocket = resolve(Recipe.of(recipe(models={"teacher": "pocket"})))
    student = resolve(Recipe.of(recipe(models={"teacher": "pocket:student"})))
    revisions = [r.fingerprint()["models.teacher.revision"] for r in (pocket, student)]
    assert all(revisions)
    assert revisions[0] != revisions[1]


def test_a_method_edited_between_two_runs_of_one_process_is_read_again() -> None:
    understudy.run(**recipe())
    Path("mine.py").write_text(MINE.replace("Please", "Now"))
    with pytest.raises(ConfigError, match=r"mine\.py:mine was changed"):
        understudy.run(**recipe())
    summary = understudy.run(**recipe(out="new", reuse=["out"]))
    assert summary.tally.sent == 2
    assert [example.answer for example in open_run("new").examples()] == ["Now: a", "Now: b"]
    Path("mine.py").write_text(MINE)
    again = understudy.run(**recipe(out="third", reuse=["out"]))
    assert (again.tally.sent, again.tally.replayed) == (0, 2)


def test_a_folder_is_held_by_one_process_at_a_time() -> None:
    held = take()
    with pytest.raises(RunFolderError, match=f"out is in use by process {os.getpid()}"):
        take()
    held.release()
    take().release()


def test_a_folder_is_not_claimed_before_the_run_begins() -> None:
    take().release()
    assert not Path("out/run.json").exists()
    take(seed=9).release()


def test_run_json_says_what_was_run_and_by_what() -> None:
    claim()
    facts = read_facts(Path("out"))
    assert facts["recipe"]["steps"][0]["use"] == "./mine.py:mine"
    assert facts["fingerprint"]["steps.0.use"] == "./mine.py:mine"
    assert {"understudy", "python", "platform", "git_commit"} <= facts.keys()
    assert not list(Path("out").glob("*.tmp"))


def test_a_folder_without_a_run_and_a_file_that_is_none_are_told_apart() -> None:
    Path("out").mkdir()
    with pytest.raises(ConfigError, match=r"expected a run folder with a run\.json, found none"):
        read_facts(Path("out"))
    for text in ("{", "[]", "{}", '{"recipe": 1}'):
        Path("out/run.json").write_text(text)
        with pytest.raises(RunFolderError, match="Restore it, or start a new run with out=FOLDER"):
            read_facts(Path("out"))
