"""The table of languages: what each of them can be asked for."""

from typing import get_args

import pytest
from debug_bench import MBPP, PETS, Fake

from understudy.handles.sandbox import Sandbox
from understudy.methods.self_debug import Config
from understudy.methods.self_debug.demonstrations import load_demonstrations
from understudy.methods.self_debug.languages import LANGUAGES
from understudy.methods.self_debug.problem import Bench
from understudy.methods.self_debug.prompts import Prompts


def test_the_setting_takes_the_languages_of_the_table() -> None:
    assert set(get_args(Config.model_fields["language"].annotation)) == set(LANGUAGES)


@pytest.mark.parametrize("name", LANGUAGES)
async def test_a_problem_is_in_the_language_that_posed_it(name: str) -> None:
    bench = Bench(Sandbox(Fake()), Prompts.load(), visible=1, prelude="", seconds=3)
    task = PETS if name == "sql" else MBPP

    problem = await LANGUAGES[name].pose(task, bench)

    assert problem.language is LANGUAGES[name]
    assert task.question in problem.statement
    assert problem.observable


@pytest.mark.parametrize("name", LANGUAGES)
def test_each_language_asks_for_an_explanation_then_a_verdict_and_has_demonstrations(
    name: str,
) -> None:
    language, prompts = LANGUAGES[name], Prompts.load()

    assert language.explain(prompts)[-1].topic == "explanation"
    assert language.judge(prompts).topic == "verdict"
    assert len(load_demonstrations(name)) >= 2


@pytest.mark.parametrize("name", [name for name in LANGUAGES if LANGUAGES[name].trace is None])
def test_what_cannot_be_traced_cannot_be_asked_for_a_trace(name: str) -> None:
    for feedback in ("trace", "unit_test_trace", "execution_trace"):
        with pytest.raises(ValueError, match="use feedback=unit_test_explanation or simple"):
            Config.model_validate({"language": name, "feedback": feedback})
