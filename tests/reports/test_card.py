"""The card says what was made, and nothing in it acts."""

import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.licenses import terms_of
from understudy.data.markdown import block, code, prose
from understudy.reports.card import CardFacts, ModelFacts, StepFacts, card

FACTS = CardFacts(
    name="arithmetic",
    examples=1_234,
    seeds="tasks.jsonl",
    formats=("messages",),
    methods=(
        StepFacts(
            "self_consistency", "Many answers, one vote.", "arXiv:2203.11171", {"no majority": 7}
        ),
    ),
    filters=(StepFacts("length", "Keeps answers of a sensible length.", "", {"too short": 3}),),
    models=(ModelFacts("teacher", "gpt-5-mini", "openai https://api.openai.com/v1", 20, 300, 400),),
    failed={"400": 1},
    cost=1.5,
    decontaminated=("gsm8k_test.jsonl",),
    recipe="seeds: tasks.jsonl\n",
    versions={"understudy": "0.1.0"},
    made="2026-11-23",
)
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
    ("given", "wanted"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("Our Own (2026)", {"license": "other", "license_name": "our-own-2026"}),
    ],
)
def test_a_licence_is_stated_if_one_was_chosen(given: str, wanted: dict[str, str]) -> None:
    text = card(replace(FACTS, license=given))

    assert wanted.items() <= front(text).items()
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
        "`gsm8k_test.jsonl`",
        "```yaml\nseeds: tasks.jsonl\n```",
        "`understudy`: `0.1.0`",
        "20 calls, 300 tokens in, 400 tokens out",
    ):
        assert words in text, words


def test_what_is_not_known_or_not_done_is_said() -> None:
    text = card(CardFacts(name="x", examples=0, models=(ModelFacts("teacher", "mystery"),)))

    for words in ("Not done.", "Not known: at least one", "Terms: not known: check.", "n<1K"):
        assert words in text, words


def test_the_pocket_model_is_called_a_demonstration() -> None:
    assert "demonstration" in card(replace(FACTS, models=(ModelFacts("teacher", "pocket"),)))
    assert "demonstration" not in card(FACTS)


@pytest.mark.parametrize(
    ("model", "endpoint", "names"),
    [
        ("gpt-5-mini", "openai", ["OpenAI API"]),
        ("qwen3-8b", "openai http://localhost:8000/v1", ["Qwen3 weights"]),
        ("claude-sonnet-5", "https://api.anthropic.com", ["Anthropic API"]),
        ("gemini-3", "https://generativelanguage.googleapis.com/v1beta", ["Gemini API"]),
        ("meta-llama/Llama-3.1-8B-Instruct", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Llama-3.3-70B-Instruct", "", ["Llama 3.1 and later weights"]),
        ("llama3.2:1b", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Llama-4-Scout", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "", ["Llama 2 and Llama 3.0 weights"]),
        ("llama3:8b", "", ["Llama 2 and Llama 3.0 weights"]),
        ("meta-llama/Llama-2-70b-chat-hf", "", ["Llama 2 and Llama 3.0 weights"]),
        ("google/gemma-3-4b-it", "", ["Gemma 1 to 3 weights"]),
        ("google/gemma-4-31b-it", "", []),
        ("deepseek-ai/DeepSeek-R1", "", ["DeepSeek-R1 weights"]),
        ("DeepSeek-R1-Distill-Llama-8B", "", []),
        ("gpt-5-mini", "https://evil.example/api.openai.com", []),
        ("mystery", "http://[broken", []),
    ],
)
def test_terms_go_by_host_and_by_weights(model: str, endpoint: str, names: list[str]) -> None:
    found = terms_of(model, endpoint)

    assert [term.name for term in found] == names
    assert all(term.source.startswith("https://") and term.checked >= term.dated for term in found)


def test_secrets_in_a_base_url_are_left_out() -> None:
    model = ModelFacts("teacher", "m", "openai https://user:secret@host.example:8000/v1?key=secret")

    text = card(replace(FACTS, models=(model,)))

    assert "secret" not in text
    assert "https://host.example:8000/v1" in text


def test_hostile_text_is_shown_and_does_not_act() -> None:
    step = StepFacts(EVIL, EVIL, EVIL, {EVIL: 1})
    facts = CardFacts(
        name=EVIL,
        examples=1,
        about=EVIL,
        seeds=EVIL,
        formats=(EVIL,),
        license=EVIL,
        methods=(step,),
        filters=(step,),
        models=(ModelFacts(EVIL, EVIL, EVIL),),
        failed={EVIL: 1},
        decontaminated=(EVIL,),
        recipe=EVIL,
        versions={EVIL: EVIL},
        made=EVIL,
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


def visible(text: str) -> str:
    """The text without its code, which shows and never acts."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


@given(st.text(max_size=60))
def test_code_spans_and_blocks_cannot_be_left(text: str) -> None:
    span, fenced = code(text), block(text)

    assert "\n" not in span
    assert visible(span) in ("", "(empty)")
    assert visible(fenced) == ""


@given(st.text(max_size=60) | st.from_regex(r"\A[0-9]{0,2}[-+=.)>#*] ?[a-z]"))
def test_prose_is_one_line_without_markup(text: str) -> None:
    line = prose(text)

    assert "\n" not in line
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]#|~]", re.sub(r"\\[^\\]|&#\d+;|\\\\", "", line))
    assert "<" not in line
    assert not re.match(r"\d*[-+=.)>]", line)
