"""Prompts as data: shipped beside a method, replaced by a user's, written down as differences."""

from pathlib import Path

import pytest
import yaml
from pydantic import Field, ValidationError

from understudy.methods import methods
from understudy.prompts import PromptSet, fill
from understudy.registry import Definition
from understudy.types import Settings


def config(folder: Path) -> type[Settings]:
    (folder / "prompts.yaml").write_text(
        "ask: 'Answer {question} as {\"json\": 1}.'\nend: Stop.\nshots: [a, b]\n"
    )

    class Prompts(PromptSet, file=str(folder / "method.py")):
        ask: str
        end: str
        shots: tuple[str, ...]

    class Config(Settings):
        prompts: Prompts = Field(default_factory=Prompts.load)

    return Config


def test_a_template_is_filled_in_one_pass_and_keeps_all_other_braces() -> None:
    assert fill('{a} {"b": {c}} {A}', a="{c}", c=2) == '{c} {"b": 2} {A}'


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("{a}", b=1)


def test_a_users_file_replaces_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    kind = config(tmp_path)
    mine = tmp_path / "mine.yaml"
    mine.write_text("end: Halt.\n")

    own = kind.model_validate({"prompts": str(mine)})

    assert own.prompts.end == "Halt."  # type: ignore[attr-defined]  # made above
    assert own.prompts.shots == ("a", "b")  # type: ignore[attr-defined]  # made above


def test_what_is_written_down_is_what_differs_and_comes_back_the_same(tmp_path: Path) -> None:
    kind = config(tmp_path)
    own = kind.model_validate({"prompts": {"end": "Halt."}})

    assert kind().model_dump(mode="json") == {"prompts": {}}
    assert own.model_dump(mode="json") == {"prompts": {"end": "Halt."}}
    assert kind.model_validate(own.model_dump(mode="json")) == own


def test_a_set_is_shown_by_what_differs(tmp_path: Path) -> None:
    kind = config(tmp_path)

    assert str(kind().prompts) == "shipped"  # type: ignore[attr-defined]  # made above
    own = kind.model_validate({"prompts": {"end": "Halt.", "ask": "Say {question}?"}})
    assert str(own.prompts) == "ask, end"  # type: ignore[attr-defined]  # made above


METHODS = [d for d in methods.all().values() if "prompts" in d.config.model_fields]


@pytest.mark.parametrize("definition", METHODS, ids=lambda d: d.name)
def test_every_shipped_prompt_can_be_replaced(definition: Definition, tmp_path: Path) -> None:
    shipped = definition.config().prompts  # type: ignore[attr-defined]  # a field of each of these
    texts = {name: f"{text} Mind this." for name, text in shipped if isinstance(text, str)}
    assert texts
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(texts))

    config = definition.config.model_validate({"prompts": str(tmp_path / "mine.yaml")})

    own = config.prompts  # type: ignore[attr-defined]  # as above
    assert {name: getattr(own, name) for name in texts} == texts


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"ask": "Answer {questoin}."}, r"ask: expected the placeholders \{question\}"),
        ({"ask": "Answer."}, "found none"),
        ({"asks": "x"}, "not permitted"),
        ("nowhere.yaml", "expected a YAML file at nowhere.yaml"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(
    tmp_path: Path, value: object, complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        config(tmp_path).model_validate({"prompts": value})
