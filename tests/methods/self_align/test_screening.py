"""The filters of Self-Align: the released code's outcome for texts of every shape, and its mends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.methods.self_align.constitution import load_constitution
from understudy.methods.self_align.screening import (
    END,
    Screening,
    cut_last_word,
    cut_loop,
    cut_repeats,
    screen,
    screen_completion,
)
from understudy.methods.self_align.styles import Draft

SELF = "I am a helpful, ethical, and reliable assistant."


THOUGHT = f"{SELF} The user asks about the tides. I follow rules 2 (informative) and 5 (reasoning)."


LONG = (
    "The moon pulls at the sea, and the side that is nearer is pulled harder than the middle of the "
    "earth. So the water rises there. On the far side it stays behind, which gives a second high tide."
)


TURN = "\n\nUser: Thanks"


def screen_raw(raw: str) -> Screening:
    return screen_completion(raw, load_constitution(), 5, "Understudy", 160)


def raw(answer: str, tail: str = TURN, thought: str = THOUGHT) -> str:
    return f"{thought}\n\nWatson: {answer}{tail}"


def test_whole_answer_ends_with_the_marker() -> None:
    assert screen_raw(raw(LONG)).answer == f"{LONG}\n\n### User\n"
    assert (screen_raw(raw(LONG)).thought, screen_raw(raw(LONG)).principles) == (THOUGHT, (2, 5))


@pytest.mark.parametrize(
    ("text", "reason"),
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
def test_dropped(text: str, reason: str) -> None:
    assert screen_raw(text).reason == reason


@pytest.mark.parametrize(
    ("text", "answer"),
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
def test_kept(text: str, answer: str) -> None:
    assert screen_raw(text) == Screening(answer, thought=THOUGHT, principles=(2, 5))


def test_an_answer_of_exactly_the_least_length_passes() -> None:
    answer = "x" * (160 - len(END))
    assert screen_raw(raw(answer)).reason == ""
    assert screen_raw(raw(answer[1:])).reason == "too short"


def test_a_repeated_clause_is_cut_before_the_marker_is_looked_for() -> None:
    assert cut_repeats("a, b, a, c", ",") == "a, b,"
    assert cut_repeats("... ... !!", ".!") == "... ... !!"
    assert cut_last_word("one two") == "one"


@given(st.text(alphabet="ab ,.\n", max_size=60))
def test_what_is_cut_is_a_prefix_with_no_clause_twice(text: str) -> None:
    prefix = cut_repeats(text, "\n.?!;:,")
    assert text.startswith(prefix)
    assert cut_repeats(prefix, "\n.?!;:,") == prefix


def mend(
    answer: str, question: str = "Why are there tides?", thought: str = THOUGHT, least: int = 1
) -> Screening:
    return screen(
        Draft(answer, thought, (2,)), question, load_constitution(), 5, "Understudy", least
    )


def test_short_answers_are_kept_unless_that_is_asked_for() -> None:
    assert mend("The moon.") == Screening("The moon.", thought=THOUGHT, principles=(2,))
    assert mend("The moon.", least=10).reason == "too short"
    assert mend("The moon.", least=9).reason == ""
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
    assert cut_loop("It rains. " * 3) == "It rains. " * 3, "too short to be a loop"
    assert cut_loop("It is wet. " * 3) == "It is wet."
    chinese = "潮水每天都会涨起来也会落下去。"
    assert cut_loop(chinese * 3) == chinese
    assert cut_loop(chinese * 2) == chinese * 2


def test_an_exemplars_word_is_a_leak_only_where_the_question_has_it_not() -> None:
    answer = "I cannot see the weather."
    assert mend(answer) == Screening(answer, "exemplar in the answer", "weather", THOUGHT, (2,))
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
    assert mend(answer, thought=thought) == Screening(answer, thought=thought, principles=(2,))
