"""The card says what was made, and nothing in it acts."""

import re
from dataclasses import replace

import pytest
import yaml
from markdown_text import visible

from understudy.data.licenses import find_terms
from understudy.journal.read import Attempt
from understudy.reports.card import render_card
from understudy.runs.facts import Cost, ModelFacts, Reason, RunFacts, StepFacts

METHOD = StepFacts(
    label="self_consistency",
    kind="method",
    about="Many answers, one vote.",
    paper="arXiv:2203.11171",
    examples=1_237,
    rejected=7,
    failed=1,
    reasons=(Reason("rejection", "no majority", 7), Reason("failure", "400", 1)),
)
FILTER = StepFacts(
    label="length",
    kind="filter",
    about="Keeps answers of a sensible length.",
    paper="",
    examples=1_234,
    rejected=3,
    failed=0,
    reasons=(Reason("rejection", "too short", 3),),
)


def model(name: str, endpoint: str = "", *, builtin: bool = False) -> ModelFacts:
    return ModelFacts("teacher", name, endpoint, 20, 300, 400, builtin, find_terms(name, endpoint))


FACTS = RunFacts(
    name="arithmetic",
    attempts=(Attempt(1, "2026-11-23 10:00:00", "2026-11-23 10:01:00", "done"),),
    steps=(METHOD, FILTER),
    uses=(),
    models=(model("gpt-5-mini", "openai https://api.openai.com/v1"),),
    cost=Cost(1.5, 0),
    programs={"namespaces": 12},
    seeds="tasks.jsonl",
    license="",
    recipe="seeds: tasks.jsonl\n",
    versions={"understudy": "0.1.0"},
)


def card(facts: RunFacts) -> str:
    return render_card(facts, format="messages", files="data/*.parquet")


EVIL = (
    "</div><script>alert(1)</script> ![x](https://evil.example/p) [l](javascript:x) ``` | # "
    "\n---\n- x"
)


def front(text: str) -> dict[str, object]:
    _, matter, _ = text.split("---\n", 2)
    return yaml.safe_load(matter)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    assert front(card(FACTS)) == {
        "pretty_name": "arithmetic",
        "license": "unknown",
        "tags": ["synthetic", "understudy", "self_consistency"],
        "size_categories": ["1K<n<10K"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/*.parquet"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("license", "fields"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("Our Own (2026)", {"license": "other", "license_name": "our-own-2026"}),
    ],
)
def test_a_licence_is_stated_if_one_was_chosen(license: str, fields: dict[str, str]) -> None:
    text = card(replace(FACTS, license=license))

    assert fields.items() <= front(text).items()
    assert "No licence was chosen" not in text


def test_the_card_counts_cites_and_prices() -> None:
    text = card(FACTS)

    for words in (
        "1,234 examples",
        "* Rejected: 10",
        "`length`, `too short`: 3",
        "* Failed: 1",
        "[arXiv:2203.11171](https://arxiv.org/abs/2203.11171)",
        "$1.50",
        r"made on 2026\-11-23 with Understudy from the seeds `tasks.jsonl`",
        "Formats: `messages`.",
        "Programs run in the sandbox `namespaces`: 12",
        "```yaml\nseeds: tasks.jsonl\n```",
        "`understudy`: `0.1.0`",
        "20 calls, 300 tokens in, 400 tokens out",
    ):
        assert words in text, words


def test_what_is_not_known_or_not_done_is_said() -> None:
    steps = (replace(METHOD, examples=0, reasons=()),)
    text = card(replace(FACTS, steps=steps, models=(model("mystery"),), cost=Cost(1.0, 2)))

    for words in (
        "Not done.", "Not known: at least one", "Terms: not known: check.", "n<1K",
        "No licence was chosen", "## Filters\n\nNone.", "* Nothing was filtered.",
    ):  # fmt: skip
        assert words in text, words
    assert "None: no model was called." in card(replace(FACTS, models=()))


def test_the_pocket_model_is_called_a_demonstration() -> None:
    text = card(replace(FACTS, models=(model("pocket", builtin=True),)))
    assert "demonstration" in text
    assert "Terms: ours" in text
    assert "demonstration" not in card(FACTS)


def test_hostile_text_is_shown_and_does_not_act() -> None:
    step = replace(
        METHOD, label=EVIL, about=EVIL, paper=EVIL, reasons=(Reason("rejection", EVIL, 1),)
    )
    failure = Reason("failure", EVIL, 1)
    facts = replace(
        FACTS,
        name=EVIL,
        attempts=(Attempt(1, EVIL, EVIL, "done"),),
        steps=(step, replace(step, kind="filter", reasons=(failure,))),
        models=(ModelFacts(EVIL, EVIL, EVIL, 1, 1, 1, False, ()),),
        programs={EVIL: 1},
        seeds=EVIL,
        license=EVIL,
        recipe=EVIL,
        versions={EVIL: EVIL},
    )

    text = card(facts)

    assert front(text)["pretty_name"] == EVIL
    shown = visible(text.split("---\n", 2)[2])
    assert "<" not in shown.replace("&lt;", "")
    assert "![" not in shown.replace("\\!\\[", "")
    assert (
        re.findall(r"(?<!\\)\]\((?!https://(?:arxiv|openai|github|hugg|ai\.google|supp))", shown)
        == []
    )
    assert "https://evil" not in shown
    assert not re.search(r"^- x", shown, re.MULTILINE)
