"""One declaration, three roads to it, and mistakes told in words."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from understudy.call.budget import Price
from understudy.errors import ConfigError
from understudy.methods import methods
from understudy.runs.recipe import RENAMED, Recipe, find, load
from understudy.runs.resolve import OPERATIONAL, flatten, resolve
from understudy.types import Sampling

BASE: dict[str, Any] = {
    "seeds": "tasks.jsonl",
    "models": {"teacher": "openai:gpt-5-mini"},
    "steps": [{"self_consistency": {"samples": 20}}],
    "out": "runs/x",
}


def wrong(data: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as raised:
        resolve(Recipe.of(data))
    return str(raised.value)


def written(data: dict[str, Any], name: str = "recipe.yaml") -> str:
    Path(name).write_text(yaml.safe_dump(data))
    return name


# Three roads


def test_a_file_a_command_line_and_python_make_the_same_recipe() -> None:
    python = Recipe.of(BASE)
    file = load(written(BASE), [])
    line = load(
        "self_consistency",
        ["seeds=tasks.jsonl", "models.teacher=openai:gpt-5-mini", "samples=20", "out=runs/x"],
    )
    assert python == file == line


def test_the_run_folder_is_named_after_the_recipe() -> None:
    data = {key: value for key, value in BASE.items() if key != "out"}
    assert load(written(data, "arithmetic.yaml"), []).out == Path("runs/arithmetic")
    assert load("length", ["seeds=x.jsonl"]).out == Path("runs/length")
    assert Recipe.of(data).out == Path("runs/run")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("length", {"use": "length"}),
        ({"length": None}, {"use": "length", "settings": {}}),
        ({"length": {"min_characters": 3}}, {"use": "length", "settings": {"min_characters": 3}}),
        (
            {"length": {}, "label": "first", "models": {}},
            {"use": "length", "label": "first"},
        ),
    ],
)
def test_a_step_may_be_written_short(short: Any, long: Any) -> None:
    assert Recipe.of({**BASE, "steps": [short]}) == Recipe.of({**BASE, "steps": [long]})


def test_a_model_may_be_its_string_alone() -> None:
    long = {"teacher": {"model": "openai:gpt-5-mini"}}
    assert Recipe.of({**BASE, "models": long}) == Recipe.of(BASE)


# Flags


def flagged(*flags: str, **data: Any) -> Recipe:
    return load(written({**BASE, **data}), list(flags))


def test_flags_go_over_the_file() -> None:
    recipe = flagged("budget=5", "n=7", "strict=true", "reuse=[a, b]", "columns.prompt=question")
    assert (recipe.budget, recipe.n, recipe.strict) == (5.0, 7, True)
    assert recipe.reuse == [Path("a"), Path("b")]
    assert recipe.columns == {"prompt": "question"}


@pytest.mark.parametrize("step", ["0", "self_consistency"])
def test_a_step_is_named_by_its_place_or_its_name(step: str) -> None:
    for flag in (f"steps.{step}.samples=5", f"steps.{step}.settings.samples=5"):
        assert flagged(flag).steps[0].settings == {"samples": 5}


def test_labels_and_models_of_a_step_can_be_set() -> None:
    recipe = flagged(
        "steps.0.label=vote", "steps.0.models.verifier=judge", "models.judge=openai:gpt-5"
    )
    assert recipe.steps[0].name == "vote"
    assert recipe.steps[0].models == {"verifier": "judge"}
    steps = [{"length": {}, "label": "a"}, {"length": {}, "label": "b"}]
    recipe = flagged("steps.b.min_characters=9", steps=steps)
    assert [step.settings for step in recipe.steps] == [{}, {"min_characters": 9}]


def test_a_models_string_becomes_its_settings_where_one_is_set() -> None:
    recipe = flagged(
        "models.teacher.sampling.temperature=0.3",
        "models.teacher.extra.effort=low",
        "models.judge=recorded:x.jsonl",
        "models.judge.rpm=60",
        "steps.0.models.verifier=judge",
    )
    teacher, judge = recipe.models["teacher"], recipe.models["judge"]
    assert (teacher.model, teacher.extra) == ("openai:gpt-5-mini", {"effort": "low"})
    assert teacher.sampling.sampling() == Sampling(temperature=0.3)
    assert (judge.model, judge.rpm) == ("recorded:x.jsonl", 60)


def test_a_prices_name_may_hold_dots_in_a_mapping() -> None:
    recipe = flagged("prices={gpt-4.1: {input: 1, output: 2}}")
    assert recipe.prices == {"gpt-4.1": Price(input=1, output=2)}


def test_after_a_methods_name_its_own_settings_need_no_prefix() -> None:
    recipe = load("self_consistency", ["seeds=x", "formats=[path, answer]", "steps.0.samples=3"])
    assert recipe.steps[0].settings == {"formats": ["path", "answer"], "samples": 3}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["budget"], snapshot("'budget': expected a setting, written key=value.")),
        (["budget=["], snapshot("'budget=[': the value is not YAML; put it in quotes.")),
        (
            ["steps.self_consistncy.samples=5"],
            snapshot(
                "'steps.self_consistncy.samples=5': no step 'self_consistncy'; did you mean 'self_consistency'?"
            ),
        ),
        (
            ["steps.7.samples=5"],
            snapshot("'steps.7.samples=5': no step '7'; available: self_consistency."),
        ),
        (["bugdet=5"], snapshot("recipe.yaml: no setting 'bugdet'; did you mean 'budget'?")),
        (
            ["steps.0.sampels=5"],
            snapshot("self_consistency: no setting 'sampels'; did you mean 'samples'?"),
        ),
        (
            ["models.teacher.samping.temperature=0"],
            snapshot("recipe: no setting 'models.teacher.samping'; did you mean 'sampling'?"),
        ),
        (
            ["models.teacher.sampling.temprature=0"],
            snapshot(
                "recipe: no setting 'models.teacher.sampling.temprature'; did you mean 'temperature'?"
            ),
        ),
        (
            ["steps.0.samples=many"],
            snapshot(
                "self_consistency: samples: input should be a valid integer, unable to parse string as an integer, found 'many'."
            ),
        ),
        (
            ["steps.0.vote=most"],
            snapshot(
                "self_consistency: vote: input should be 'count', 'probability', 'normalized' or 'verifier', found 'most'."
            ),
        ),
        (["n=0"], snapshot("recipe: n: input should be greater than or equal to 1, found 0.")),
    ],
)
def test_a_wrong_flag_is_told_in_words(flags: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(flagged(*flags))
    assert str(raised.value) == message


@pytest.mark.parametrize(("old", "new"), sorted(RENAMED.items()))
def test_an_old_key_is_refused_with_its_new_name(old: str, new: str) -> None:
    assert wrong({**BASE, old: 5}) == f"recipe: {old} is now called {new}."
    with pytest.raises(ConfigError, match=f"recipe.yaml: {old} is now called {new}"):
        flagged(f"{old}=5")
    assert new in Recipe.model_fields


def test_a_methods_own_setting_may_be_called_as_a_recipes_key_once_was() -> None:
    recipe = load("self_refine", ["patience=2", "compare=true"])
    assert resolve(recipe).steps[0].config.model_dump()["patience"] == 2


KEYS = st.sampled_from(
    ["seeds", "models", "teacher", "steps", "0", "self_consistency", "samples", "settings", "label",
     "use", "sampling", "prices", "x", "n", "out", "columns", "", "reuse", "extra"]
)  # fmt: skip
FLAGS = st.builds(
    lambda path, value: f"{'.'.join(path)}={value}",
    st.lists(KEYS, min_size=1, max_size=4),
    st.sampled_from(["1", "x", "[]", "{}", "null", "[1, {a: 2}]", "{use: length}", "!!", "{1: 2}"]),
)


@given(
    flags=st.lists(FLAGS, max_size=3),
    target=st.sampled_from(["self_consistency", "recipe.yaml", "list.yaml", "odd.yaml"]),
)
def test_no_flag_ends_in_anything_but_a_recipe_or_words(flags: list[str], target: str) -> None:
    written(BASE)
    written({**BASE, "seeds": [{"prompt": "x"}]}, "list.yaml")
    written({"seeds": "x", "steps": [{"a": 1, "b": 2}, 5], "models": ["x"]}, "odd.yaml")
    try:
        recipe = resolve(load(target, flags))
    except ConfigError:
        return
    assert recipe.fingerprint()


# Mistakes


def test_mistakes_are_told_all_at_once() -> None:
    assert wrong(
        {**BASE, "sedes": 1, "budget": "five", "models": {"teacher": {"modell": 1}}}
    ) == snapshot("""\
recipe: models.teacher.model is missing.
recipe: no setting 'models.teacher.modell'; did you mean 'model'?
recipe: budget: input should be a valid number, unable to parse string as a number, found 'five'.
recipe: no setting 'sedes'; did you mean 'seeds'?\
""")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": []}, snapshot("recipe: steps: list should have at least 1 item after validation, not 0, found [].")),
        ({"steps": ["self_consistant"]}, snapshot("no method or filter 'self_consistant'; did you mean 'self_consistency'?")),
        ({"steps": ["length", "length"]}, snapshot("recipe: steps: two steps are called 'length': give one a `label`, found ['length', 'length'].")),
        ({"steps": [{"length": {}, "label": "seeds"}]}, snapshot("recipe: steps: two steps are called 'seeds': give one a `label`, found [{'length': {}, 'label': 'seeds'}].")),
        ({"steps": [{"length": {}, "self_consistency": {}}]}, snapshot("recipe: steps.0: expected one method or filter with its settings, found ['length', 'self_consistency'].")),
        ({"steps": ["nowhere.py:mine"]}, snapshot("nowhere.py:mine: expected a Python file, or a folder with an __init__.py, at nowhere.py, found none.")),
        ({"steps": [{"self_consistency": {}, "models": {"verifer": "teacher"}}]}, snapshot("self_consistency: no role 'verifer'; did you mean 'verifier'?")),
        ({"steps": [{"self_consistency": {}, "models": {"verifier": "jugde"}}]}, snapshot("self_consistency: models.verifier: no model 'jugde' in the recipe; available: teacher.")),
        ({"models": {"teacher": "openai:a", "verifer": "openai:b"}}, snapshot("recipe: no step has a role 'verifer'; did you mean 'verifier'?")),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_words(change: dict[str, Any], message: str) -> None:
    assert wrong({**BASE, **change}) == message


def test_files_that_are_no_recipes_are_told_apart() -> None:
    Path("list.yaml").write_text("- a\n")
    Path("bad.yaml").write_text("a: [")
    for name, message in (
        ("none.yaml", "none.yaml: expected a recipe, No such file or directory."),
        ("list.yaml", "list.yaml: expected `key: value` lines, found list."),
        ("bad.yaml", "bad.yaml: expected YAML: while parsing"),
    ):
        with pytest.raises(ConfigError, match=message):
            load(name, [])


def test_every_method_of_ours_brings_seeds_for_a_first_try() -> None:
    for name in methods.names():
        assert resolve(load(name, [])).recipe.seeds == find(name).seeds
        assert find(name).seeds.startswith("builtin:")


def test_a_method_without_seeds_of_its_own_says_what_to_add() -> None:
    Path("mine.py").write_text(
        "from understudy import Example, Task, method\n"
        "@method(paper='arXiv:0000.00000')\n"
        "async def mine(task: Task) -> Example:\n"
        "    return task.example(task.prompt)\n"
    )
    with pytest.raises(ConfigError) as raised:
        resolve(load("mine.py:mine", []))
    assert str(raised.value) == snapshot(
        "mine: expected seeds. Add seeds=FILE (.jsonl, .json, .csv or .parquet), or seeds=builtin:arithmetic for a first try."
    )


# The user's own


def test_a_users_own_method_is_found_in_its_file() -> None:
    Path("mine.py").write_text(
        "from understudy import Example, Settings, Task, method\n"
        "class Config(Settings):\n"
        "    times: int = 1\n"
        "@method(paper='arXiv:0000.00000')\n"
        "async def mine(task: Task, config: Config) -> Example:\n"
        "    return task.example(task.prompt * config.times)\n"
    )
    recipe = load("mine.py:mine", ["seeds=x", "times=3"])
    assert (recipe.steps[0].name, recipe.steps[0].settings) == ("mine", {"times": 3})
    assert resolve(recipe).steps[0].config.model_dump() == {"times": 3}
    with pytest.raises(
        ConfigError, match="expected a function 'other' decorated with @method or @rule"
    ):
        load("mine.py:other", ["seeds=x"])
    with pytest.raises(ConfigError, match="mine: no setting 'tmes'; did you mean 'times'"):
        resolve(load("mine.py:mine", ["seeds=x", "steps.0.tmes=3"]))


# Fingerprints


def test_every_default_is_spelt_out_in_the_fingerprint() -> None:
    found = resolve(Recipe.of(BASE)).fingerprint()
    assert found["steps.0.settings.temperature"] == 0.7
    assert found["steps.0.label"] == "self_consistency"
    assert found["seed"] == 0
    assert found["models.teacher.model"] == "openai:gpt-5-mini"


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": "other.jsonl"},
        {"columns": {"prompt": "q"}},
        {"seed": 1},
        {"models": {"teacher": "openai:gpt-5"}},
        {"models": {"teacher": {"model": "openai:gpt-5-mini", "sampling": {"seed": 1}}}},
        {"models": {"teacher": {"model": "openai:gpt-5-mini", "extra": {"a": 1}}}},
        {"steps": [{"self_consistency": {"samples": 21}}]},
        {"steps": [{"self_consistency": {"samples": 20}, "label": "vote"}]},
        {"steps": [{"self_consistency": {"samples": 20}}, "length"]},
    ],
    ids=str,
)
def test_what_changes_the_data_is_in_the_fingerprint(change: dict[str, Any]) -> None:
    assert (
        resolve(Recipe.of({**BASE, **change})).fingerprint()
        != resolve(Recipe.of(BASE)).fingerprint()
    )


CHANGED: dict[str, Any] = {
    "n": 5, "max_seeds": 9, "out": "runs/y", "reuse": ["runs/z"], "budget": 1, "concurrency": 2,
    "prices": {"m": {"input": 1, "output": 1}}, "attempts": 2, "down_after": 5, "strict": True,
    "license": "cc0-1.0", "sandbox": "landlock", "on_error": "row",
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(OPERATIONAL))
def test_how_fast_how_long_how_dear_and_where_is_not(key: str) -> None:
    assert (
        resolve(Recipe.of({**BASE, key: CHANGED[key]})).fingerprint()
        == resolve(Recipe.of(BASE)).fingerprint()
    )


@pytest.mark.parametrize("key", ["rpm", "tpm", "timeout", "key_env"])
def test_how_a_model_is_reached_is_not(key: str) -> None:
    value = "X" if key == "key_env" else 7
    models = {"teacher": {"model": "openai:gpt-5-mini", key: value}}
    assert (
        resolve(Recipe.of({**BASE, "models": models})).fingerprint()
        == resolve(Recipe.of(BASE)).fingerprint()
    )


def test_a_further_row_of_seeds_given_in_python_does_not_make_another_run() -> None:
    rows = [{"prompt": "a"}, {"prompt": "b"}]
    one, two = (resolve(Recipe.of({**BASE, "seeds": rows[:n]})).fingerprint() for n in (1, 2))
    assert one == two


@pytest.mark.parametrize(
    ("data", "flat"),
    [
        ({}, {"": {}}),
        ({"a": {"b": [1, {"c": None}]}, "d": []}, {"a.b.0": 1, "a.b.1.c": None, "d": []}),
    ],
)
def test_nested_settings_become_dotted_keys(data: Any, flat: dict[str, Any]) -> None:
    assert flatten(data) == flat


def test_a_recipe_survives_being_written_down() -> None:
    data = {**BASE, "models": {"teacher": {"model": "openai:x", "sampling": {"stop": ["a"]}}}}
    recipe = Recipe.of(data)
    assert Recipe.of(recipe.model_dump(mode="json")) == recipe
