"""Which column of a row becomes which field of a task."""

import pytest
from seed_files import bad, one

from understudy.types import Task, assistant, system, user


@pytest.mark.parametrize(
    "name", ["prompt", "question", "instruction", "problem", "query", "text", "input"]
)
def test_the_usual_names_of_a_prompt_are_known(name: str) -> None:
    assert one({name: "Why?"}) == Task(prompt="Why?")


@pytest.mark.parametrize(
    "name", ["reference", "answer", "output", "solution", "target", "label", "correct"]
)
def test_the_usual_names_of_a_right_answer_are_known(name: str) -> None:
    assert one({"prompt": "Why?", name: "Because."}).reference == "Because."


def test_the_first_of_several_names_wins_and_the_others_go_to_meta() -> None:
    task = one({"text": "t", "question": "q", "answer": "a", "label": 1})

    assert task == Task(prompt="q", reference="a", meta={"text": "t", "label": 1})


def test_an_empty_column_does_not_win() -> None:
    assert one({"prompt": " ", "question": "q"}) == Task(prompt="q", meta={"prompt": " "})


def test_a_mapping_wins_over_every_usual_name() -> None:
    row = {"prompt": "p", "body": "b", "answer": "a", "gold": {"text": "g"}, "subject": "s"}

    task = one(row, prompt="body", reference="gold.text", **{"meta.topic": "subject"})

    assert task == Task(
        prompt="b",
        reference="g",
        meta={"prompt": "p", "answer": "a", "gold": {"text": "g"}, "topic": "s"},
    )


def test_a_dotted_path_reaches_into_lists() -> None:
    assert one({"q": [{"t": "x"}, {"t": "y"}]}, prompt="q.1.t").prompt == "y"


def test_a_name_with_a_dot_in_it_is_a_column_first() -> None:
    assert one({"a.b": "x", "a": {"b": "y"}}, prompt="a.b").prompt == "x"


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.0, "7.0"), (True, "true"), (["8"], "8")])
def test_a_right_answer_that_is_no_text_becomes_text(value: object, text: str) -> None:
    assert one({"prompt": "p", "answer": value}).reference == text


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.0, "7"), ("x", "x"), (None, "")])
def test_an_id_becomes_text(value: object, text: str) -> None:
    assert one({"prompt": "p", "id": value}).id == text


def test_alpaca_appends_its_input_and_opens_with_system_and_history() -> None:
    row = {"instruction": "Add.", "input": "1 and 2", "output": "3", "system": "Be brief."}

    task = one({**row, "history": [["Hi", "Hello"]]})

    assert task.messages == (
        system("Be brief."),
        user("Hi"),
        assistant("Hello"),
        user("Add.\n\n1 and 2"),
    )
    assert (task.reference, task.meta) == ("3", {})


def test_alpaca_without_input_is_the_instruction_alone() -> None:
    assert one({"instruction": "Add.", "input": "", "output": "3"}) == Task(
        prompt="Add.", reference="3", meta={"input": ""}
    )


def test_a_conversation_wins_over_a_prompt_unless_the_mapping_says_otherwise() -> None:
    row = {"question": "q", "messages": [{"role": "user", "content": "u"}]}

    assert one(row).prompt == "u"
    assert one(row, prompt="question").prompt == "q"


@pytest.mark.parametrize(
    "value",
    [["x", "y"], {"A": "x", "B": "y"}, {"text": ["x", "y"], "label": ["A", "B"]}, '["x", "y"]'],
)
def test_choices_read_from_lists_records_and_json_text(value: object) -> None:
    assert one({"question": "q", "choices": value}).choices == ("x", "y")


def test_an_answer_by_number_becomes_the_letter_of_the_choice() -> None:
    row = {"question": "q", "choices": ["x", "y", "z"], "answer": 2}

    assert one(row).reference == "C"
    assert one({**row, "choices": ["1", "2", "3"]}).reference == "2"


@pytest.mark.parametrize("value", ["assert f()", ["assert f()"], '["assert f()"]'])
def test_tests_read_from_text_and_lists(value: object) -> None:
    assert one({"prompt": "p", "test": value}).tests == ("assert f()",)


def test_a_wrong_value_is_an_error_only_where_the_mapping_names_it() -> None:
    row = {"prompt": "p", "answer": {"a": 1}, "choices": 3, "test": {"t": [1]}}

    assert one(row).meta == {"answer": {"a": 1}, "choices": 3, "test": {"t": [1]}}
    for field, column in (("reference", "answer"), ("choices", "choices"), ("tests", "test")):
        assert "expected" in bad(row, **{field: column})


def test_a_meta_column_is_unpacked() -> None:
    assert one({"prompt": "p", "meta": {"a": 1}, "b": 2}).meta == {"a": 1, "b": 2}
    assert one({"prompt": "p", "meta": '{"a": 1}'}).meta == {"a": 1}
    assert one({"prompt": "p", "meta": "text"}).meta == {"meta": "text"}


def test_a_row_without_text_says_what_to_do() -> None:
    assert bad({"x": 1, "y": "two"}) == (
        "expected a task's text in a column prompt, question, instruction, problem, query, text, "
        "input, messages, conversations, conversation; found the columns 'x', 'y'. Fill it in, or "
        "name the column that has it, e.g. columns: {prompt: COLUMN}."
    )
