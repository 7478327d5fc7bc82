"""How commands end."""

import pytest
from commands import cli, run


def test_done_without_one_example_is_1() -> None:
    found = run(model="refuses")
    assert found.exit_code == 1
    assert "0 examples, 0 rejected, 2 failed" in found.stdout
    assert "understudy: 2 tasks failed; understudy show out says why." in found.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["sampels=3"], "no setting 'sampels'; did you mean 'samples'?"),
        (["seeds=none.jsonl"], "none.jsonl: expected a file, found none"),
        (["models.teacher=gpt-5"], "model 'gpt-5': expected provider:name[@base_url]"),
        (["out=seeds.jsonl/x"], "expected a folder that can be written, Not a directory"),
        (["budget=1"], "a budget needs the price of every model"),
    ],
)
def test_what_must_be_mended_before_a_run_is_2(flags: list[str], words: str) -> None:
    found = run(*flags)
    assert found.exit_code == 2
    assert words in found.stderr
    assert "Traceback" not in found.output


def test_another_recipe_in_the_same_folder_is_2_and_names_what_differs() -> None:
    run()
    found = run("samples=3")
    assert found.exit_code == 2
    assert "steps.0.settings.samples: 2 -> 3" in found.stderr
    assert "reuse='[out]'" in found.stderr
    assert run("samples=3", "out=other", "reuse=[out]").stdout.count("2 calls sent") == 1


@pytest.mark.parametrize(
    "command", [["show", "."], ["why", ".", "t"], ["export", "."], ["record", ".", "x"]]
)
def test_no_run_folder_is_2(command: list[str]) -> None:
    found = cli(*command)
    assert found.exit_code == 2
    assert "understudy: .: expected a run folder with a run.json, found none" in found.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["export", "out", "--format", "alpacca"], "no format 'alpacca'; did you mean 'alpaca'?"),
        (["export", "out", "--step", "lenght"], "no step 'lenght'; available: self_consistency."),
        (
            ["export", "out", "--to", "x.jsonl", "--format", "preference"],
            "preference needs rejected turns that end with an answer; found none.",
        ),
        (["why", "out", "zz"], "has nothing of a task 'zz'"),
        (["methods", "self_refin"], "no method or filter 'self_refin'"),
    ],
)
def test_a_wrong_word_is_2(command: list[str], words: str) -> None:
    run()
    found = cli(*command)
    assert found.exit_code == 2
    assert words in found.stderr


def test_what_stops_a_run_that_can_go_on_is_3() -> None:
    found = run(model="stops")
    assert found.exit_code == 3
    assert "out: stopped; 0 examples" in found.stdout
    assert "understudy: no money left" in found.stderr


def test_a_bug_is_shown_with_its_traceback_and_the_task_it_broke() -> None:
    found = run(model="buggy")
    assert found.exit_code == 2
    assert 'File "' in found.stderr
    assert "understudy: self_consistency, task '" in found.stderr
    assert "KeyError: " in found.stderr
    assert "With on_error=row such a task becomes a failure row" in found.stderr
