"""The filters of Self-Align: the released code's outcome for texts of every shape, and its mends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.methods._self_align_constitution import (
    Constitution,
    Exemplar,
    Principle,
    Turn,
    cited,
    known,
    leaks,
    shipped,
)
from understudy.methods._self_align_filter import (
    END,
    Screened,
    cut_loop,
    cut_repeats,
    mended,
    reference,
    without_last_word,
)
from understudy.methods._self_align_replies import Draft

SELF = "I am a helpful, ethical, and reliable assistant."
THOUGHT = f"{SELF} The user asks about the tides. I follow rules 2 (informative) and 5 (reasoning)."
LONG = (
    "The moon pulls at the sea, and the side that is nearer is pulled harder than the middle of the "
    "earth. So the water rises there. On the far side it stays behind, which gives a second high tide."
)
TURN = "\n\nUser: Thanks"


def screened(raw: str) -> Screened:
    return reference(raw, shipped(), 5, "Understudy", 160)


def raw(answer: str, tail: str = TURN, thought: str = THOUGHT) -> str:
    return f"{thought}\n\nWatson: {answer}{tail}"


# The released code's outcome for thirteen shapes of completion.


def test_whole_answer_ends_with_the_marker() -> None:
    assert screened(raw(LONG)).answer == f"{LONG}\n\n### User\n"
    assert (screened(raw(LONG)).thought, screened(raw(LONG)).cited) == (THOUGHT, (2, 5))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(" " + raw(LONG), "no self-identification", id="a leading blank"),
        pytest.param(raw(LONG, thought="Hm."), "no self-identification", id="no self-id"),
        pytest.param(THOUGHT, "no answer after the thought", id="thought only"),
        pytest.param(raw("The moon causes them"), "too short", id="20 characters, whole"),
        pytest.param(raw(f"In fair weather: {LONG}"), "exemplar in the answer", id="weather"),
        pytest.param(raw(f"As presidents know: {LONG}"), "exemplar in the answer", id="substring"),
        pytest.param(raw(f"I'm sorry, {LONG}"), "refusal", id="sorry"),
        pytest.param(raw(LONG, "\nUser: Thanks"), "exemplar in the answer", id="single newline"),
    ],
)
def test_dropped(said: str, reason: str) -> None:
    assert screened(said).reason == reason


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        pytest.param(raw("The moon does it", ""), "The moon does", id="short and cut off"),
        pytest.param(raw("Gravity", ""), "Gravity", id="one word, cut off"),
        pytest.param(
            raw(f"Watson knows. {LONG}"), f"Understudy knows. {LONG}{END}", id="code-name inside"
        ),
        pytest.param(
            raw(f"According to Wikipedia, here is what is known. {LONG}"),
            f"Here is what is known. {LONG}{END}",
            id="opener",
        ),
        pytest.param(
            raw("The sea rises. It falls again. The sea rises. And so on for ever."),
            "The sea rises. It falls",
            id="a sentence repeated: tail and marker gone, last word removed",
        ),
    ],
)
def test_kept(said: str, answer: str) -> None:
    assert screened(said) == Screened(answer, thought=THOUGHT, cited=(2, 5))


def test_a_repeated_clause_is_cut_before_the_marker_is_looked_for() -> None:
    assert cut_repeats("a, b, a, c", ",") == "a, b,"
    assert cut_repeats("... ... !!", ".!") == "... ... !!"
    assert without_last_word("one two") == "one"


@given(st.text(alphabet="ab ,.\n", max_size=60))
def test_what_is_cut_is_a_prefix_with_no_clause_twice(text: str) -> None:
    kept = cut_repeats(text, "\n.?!;:,")
    assert text.startswith(kept)
    assert cut_repeats(kept, "\n.?!;:,") == kept


# Mended


def mend(
    answer: str, question: str = "Why are there tides?", thought: str = THOUGHT, least: int = 1
) -> Screened:
    return mended(Draft(answer, thought, (2,)), question, shipped(), 5, "Understudy", least)


def test_short_answers_are_kept_unless_that_is_asked_for() -> None:
    assert mend("The moon.") == Screened("The moon.", thought=THOUGHT, cited=(2,))
    assert mend("The moon.", least=20).reason == "too short"
    assert mend("").reason == "empty answer"


def test_typographic_apostrophes_refuse_as_well() -> None:
    assert mend("I’m sorry, but no.").reason == "refusal"


def test_code_is_never_cut_and_prose_only_where_it_loops() -> None:
    code = "```python\n" + "    print('one more time')\n" * 3 + "```"
    assert mend(code).answer == code
    refrain = "The tide comes in.\nThe boats go out.\nThe tide comes in.\nWe sing."
    assert mend(refrain).answer == refrain
    assert mend("First a start. " + "The tide comes in. " * 3).answer == (
        "First a start. The tide comes in."
    )
    chinese = "潮水每天都会涨起来也会落下去。"
    assert cut_loop(chinese * 3) == chinese
    assert cut_loop(chinese * 2) == chinese * 2


def test_an_exemplars_word_is_a_leak_only_where_the_question_has_it_not() -> None:
    answer = "I cannot see the weather."
    assert mend(answer) == Screened(answer, "exemplar in the answer", "weather", THOUGHT, (2,))
    assert mend(answer, "How is the weather in Oslo?").reason == ""


def test_the_code_name_stays_where_the_question_has_it() -> None:
    assert mend("I am Watson.").answer == "I am Understudy."
    assert mend("Watson found it.", "What did James Watson find?").answer == "Watson found it."
    assert mend("Watsonville is far.").answer == "Watsonville is far."


@pytest.mark.parametrize(
    "answer",
    [
        THOUGHT,
        f"{SELF} The tides come from the moon.",
        "The user asks about the tides. They come from the moon.",
        "By rule 2 (informative) I say: the moon.",
        "The moon. User: Thanks\nUser: More?",
        "Watson: the moon.",
        "The moon.\nWatson (internal thoughts): done.",
        '{"relevant_principles": [2]} The moon.',
        "<think>Well.</think> The moon.",
    ],
)
def test_an_answer_that_holds_its_thought_is_dropped(answer: str) -> None:
    assert mend(answer).reason == "thought in the answer"


@pytest.mark.parametrize("thought", ["The moon.", "A fact. The rules of the sea are the moon's."])
def test_thought_and_answer_may_state_the_same_fact(thought: str) -> None:
    answer = "The moon. The rules of the sea are the moon's."
    assert mend(answer, thought=thought).answer == answer


# Constitution


def test_the_shipped_constitution_has_sixteen_principles_and_five_exemplars() -> None:
    constitution = shipped()
    assert constitution.labels == (
        "ethical", "informative", "helpful", "question assessment", "reasoning", "multi-aspect",
        "candor", "knowledge recitation", "static", "clarification", "numerical sensitivity",
        "dated knowledge", "step-by-step", "balanced", "creative", "operational",
    )  # fmt: skip
    assert [len(exemplar.turns) for exemplar in constitution.exemplars] == [1, 1, 2, 1, 1]
    assert all(principle.brief for principle in constitution.principles)


def test_leaks_follow_from_the_exemplars_that_are_shown() -> None:
    turn = Turn(
        question="Please tell me about Ada Lovelace",
        thought="t",
        principles=("kind",),
        answer="She wrote about an engine. Yes.\n1, 2, 3, 4",
    )
    own = Constitution(
        principles=(Principle(label="kind", text="Be kind."),),
        exemplars=(Exemplar(turns=(turn,), tells=("engine",)),),
    )
    assert [leak.text for leak in leaks(own, 1) if leak.kind != "frame"] == [
        "She wrote about an engine.", "Ada Lovelace", "1, 2, 3, 4", "engine",
    ]  # fmt: skip
    assert {leak.kind for leak in leaks(own, 0)} == {"frame"}


def test_principles_are_cited_by_label_and_listed_by_number() -> None:
    assert cited("Rules 2 (informative), 9 (Candor), and in 1990 (or so).", shipped()) == (2, 7)
    assert known([2, "5 (reasoning)", "static", 99, 2, None, "Rule 3"], shipped()) == (2, 5, 9, 3)


def test_mistaken_constitutions_are_refused() -> None:
    kind = Principle(label="kind", text="Be kind.")
    turn = Turn(question="q", thought="t", principles=("brave",), answer="a")
    with pytest.raises(ValueError, match="two principles have the label 'kind'"):
        Constitution(principles=(kind, kind))
    with pytest.raises(ValueError, match="cites 'brave'"):
        Constitution(principles=(kind,), exemplars=(Exemplar(turns=(turn,)),))
