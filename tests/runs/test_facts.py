"""The figures of a run, collected once."""

from pathlib import Path

import pytest

import understudy
from understudy import open_run
from understudy.journal.read import Total
from understudy.runs.facts import Cost, Reason, collect, cost_of, publish

SCRIPT = """
from understudy.errors import Rejected

def answer(call):
    number = int(call.task[1:])
    if number > 7:
        raise Rejected("400: no")
    return f"The answer is {'1' * number}."
"""

METHOD = '''"""Asks once."""

from understudy import Example, Model, Task, method


@method(paper="arXiv:2205.11916")
async def once(task: Task, teacher: Model, judge: Model) -> Example:
    answer = await teacher.ask(task.prompt)
    await judge.ask(answer)
    return task.example(answer)
'''


@pytest.fixture(autouse=True)
def files(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)
    Path("once.py").write_text(METHOD)


def run(**changes: object) -> None:
    understudy.run(
        **{
            "seeds": [{"id": f"t{i}", "prompt": "?"} for i in range(10)] + [{"x": 1}],
            "models": {
                "teacher": "scripted:script.py:answer",
                "judge": "scripted:script.py:answer",
            },
            "steps": ["./once.py:once", {"length": {"max_characters": 18}}],
            "prices": {"script.py:answer": {"input": 1_000, "output": 10_000}},
            "license": "cc-by-4.0",
            "out": "out",
            **changes,
        }
    )


def test_every_step_has_its_rows_by_kind_and_reason() -> None:
    run()
    seeds, once, length = collect(open_run("out")).steps
    assert (seeds.label, seeds.kind, seeds.failed) == ("seeds", "seeds", 1)
    assert (once.label, once.kind, once.paper) == ("once", "method", "arXiv:2205.11916")
    assert (once.about, once.examples, once.rejected, once.failed) == ("Asks once.", 8, 0, 2)
    assert once.reasons == (Reason("failure", "Rejected", 2),)
    assert (length.kind, length.examples, length.rejected, length.rows) == ("filter", 4, 4, 8)


def test_totals_of_the_run_are_those_of_its_steps() -> None:
    run()
    facts = collect(open_run("out"))
    assert (facts.examples, facts.rejected, facts.failed) == (4, 4, 3)
    assert [step.label for step in facts.methods] == ["once"]
    assert [step.label for step in facts.filters] == ["length"]
    assert facts.step("length").rejected == 4


def test_calls_tokens_and_cost_are_told_by_role_and_model() -> None:
    run()
    facts = collect(open_run("out"))
    assert [(use.step, use.role, use.calls, use.reused) for use in facts.uses] == [
        ("once", "judge", 8, 0),
        ("once", "teacher", 8, 0),
    ]
    assert [(model.role, model.calls, model.builtin) for model in facts.models] == [
        ("judge", 8, False),
        ("teacher", 8, False),
    ]
    assert sum(use.cost.dollars for use in facts.uses) == pytest.approx(facts.cost.dollars)
    assert facts.cost.dollars > 0
    assert facts.cost.unpriced == 0
    assert sum(use.tokens_in for use in facts.uses) == sum(m.tokens_in for m in facts.models) > 0
    assert sum(use.tokens_out for use in facts.uses) == sum(m.tokens_out for m in facts.models) > 0


def test_replies_of_other_runs_are_counted_apart() -> None:
    run()
    run(out="again", reuse=["out"])
    uses = collect(open_run("again")).uses
    assert [(use.calls, use.reused, use.cost) for use in uses] == [(0, 8, Cost(0, 0))] * 2


def test_every_attempt_is_told_with_how_it_ended() -> None:
    run()
    run()
    facts = collect(open_run("out"))
    assert [(attempt.id, attempt.status) for attempt in facts.attempts] == [
        (1, "done"),
        (2, "done"),
    ]
    assert facts.status == "done"
    assert facts.date == facts.attempts[-1].started[:10]


def test_the_recipe_is_shown_without_defaults_and_without_paths() -> None:
    Path("deep").mkdir()
    Path("deep/tasks.jsonl").write_text('{"id": "t1", "prompt": "?"}\n')
    run(seeds="deep/tasks.jsonl")
    facts = collect(open_run("out"))
    assert (facts.seeds, facts.license, facts.name) == ("tasks.jsonl", "cc-by-4.0", "out")
    assert "seeds: tasks.jsonl" in facts.recipe
    assert "concurrency" not in facts.recipe
    assert "out:" not in facts.recipe
    assert set(facts.versions) == {"understudy", "python", "platform"}


def test_seeds_that_stand_in_the_recipe_are_counted() -> None:
    run()
    assert collect(open_run("out")).seeds == "11 in the recipe"


def test_a_step_whose_file_has_gone_keeps_its_figures() -> None:
    run()
    Path("once.py").unlink()
    once = collect(open_run("out")).step("once")
    assert (once.kind, once.about, once.paper, once.examples) == ("method", "", "", 8)


def test_the_built_in_model_is_known_as_such() -> None:
    run(models={"teacher": "pocket"}, seeds=[{"id": "t1", "prompt": "What is 3 + 4?"}])
    assert {model.builtin for model in collect(open_run("out")).models} == {True}


def test_an_unknown_cost_is_never_shown_as_nothing() -> None:
    total = Total(1, "s", "r", "m", 3, 0, 10, 10, 0, 0, 0.0, 3)
    priced = total._replace(cost=0.25, unpriced=0)
    assert str(cost_of([total])) == "unknown"
    assert str(cost_of([priced])) == "$0.2500"
    assert str(cost_of([total, priced])) == "$0.2500 and 3 calls of unknown price"
    assert str(cost_of([])) == "$0.0000"


@pytest.mark.parametrize(
    ("endpoint", "public"),
    [
        ("openai", "openai"),
        (
            "openai https://user:secret@host.example:8000/v1?key=secret",
            "openai https://host.example:8000/v1",
        ),
        ("openai http://[broken", "openai (a URL that cannot be read)"),
    ],
)
def test_secrets_in_a_base_url_are_left_out(endpoint: str, public: str) -> None:
    assert publish(endpoint) == public
