"""The nouns: what is carried over from task to example and on, and what a request leaves unsaid."""

import msgspec
import pytest

from understudy.types import (
    Call,
    Example,
    Message,
    Reply,
    Request,
    Sampling,
    Task,
    Token,
    Usage,
    WireCall,
    assistant,
    user,
)
from understudy.values import Image, Text

TASK = Task(id="t", prompt="2+2?", reference="4", choices=("3", "4"), tests=("assert f() == 4",))


def test_a_default_means_not_sent() -> None:
    assert msgspec.json.encode(Request(model="m")) == b'{"model":"m"}'
    assert msgspec.json.encode(Sampling(temperature=0.0)) == b'{"temperature":0.0}'


def test_unknown_fields_of_a_value_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `n`"):
        msgspec.json.decode(b'{"model":"m","n":2}', type=Request)


@pytest.mark.parametrize(
    ("own", "other", "merged"),
    [
        (Sampling(), Sampling(top_p=0.5), Sampling(top_p=0.5)),
        (Sampling(top_p=0.5), Sampling(), Sampling(top_p=0.5)),
        (Sampling(temperature=0.0), Sampling(temperature=1.0), Sampling(temperature=0.0)),
        (
            Sampling(temperature=0.0, stop=("x",)),
            Sampling(temperature=1.0, seed=3),
            Sampling(temperature=0.0, stop=("x",), seed=3),
        ),
    ],
)
def test_own_sampling_goes_first_and_the_others_fills_what_is_unset(
    own: Sampling, other: Sampling, merged: Sampling
) -> None:
    assert own.over(other) == merged


def test_usage_adds_up_field_by_field() -> None:
    usage = Usage(tokens_in=1, tokens_out=2, cached=3, reasoning=4)
    assert usage + usage == Usage(tokens_in=2, tokens_out=4, cached=6, reasoning=8)


def test_the_logprob_of_a_reply_is_the_sum_of_its_tokens_or_unknown() -> None:
    assert Reply(logprobs=(Token("a", -0.5), Token("b", -1.0))).logprob == -1.5
    assert Reply(logprobs=()).logprob == 0
    assert Reply().logprob is None


def test_a_wire_call_is_of_consecutive_draws() -> None:
    wire = WireCall.of(Call(request=Request(model="m"), draw=3), 2)
    assert (wire.draw, wire.n, [call.draw for call in wire.calls]) == (3, 2, [3, 4])
    assert wire.request == Request(model="m")


def test_a_task_is_a_conversation_and_a_question() -> None:
    assert TASK.conversation == (user("2+2?"),)
    assert TASK.question == "2+2?"
    turns = (user("a"), assistant("b"), user("c"), assistant("d"))
    assert Task(messages=turns).conversation == turns
    assert Task(messages=turns).question == "c"
    assert Task(messages=turns, prompt="p").question == "p"
    assert Task(messages=(assistant("d"),)).question == ""


def test_parts_of_a_task_stand_in_the_users_message() -> None:
    picture = Image(media_type="image/png", data=b"x")
    (message,) = Task(prompt="What?", parts=(picture, Text("a"))).conversation
    assert message.role == "user"
    assert message.media == (picture,)
    assert "What?" in message.text


def test_an_example_keeps_what_is_known_of_its_task() -> None:
    example = TASK.example("4", {"share": 0.5}, (assistant("5"),), votes=3)
    assert example.messages == (user("2+2?"), assistant("4"))
    assert (example.reference, example.choices, example.tests) == ("4", TASK.choices, TASK.tests)
    assert (example.scores, example.meta) == ({"share": 0.5}, {"votes": 3})
    assert example.rejected == (assistant("5"),)
    assert (example.id, example.answer) == ("", "4")


def test_an_example_may_have_turns_of_its_own() -> None:
    turns = [user("a"), assistant("b"), user("c")]
    example = TASK.example(turns)
    assert example.messages == tuple(turns)
    assert example.answer == "b"
    assert Example(messages=()).answer == ""


def test_an_example_is_the_next_steps_task() -> None:
    example = msgspec.structs.replace(TASK.example("4", None, (assistant("5"),), votes=3), id="e")
    task = example.as_task()
    assert (task.id, task.prompt, task.messages) == ("e", "2+2?", ())
    assert (task.reference, task.choices, task.tests) == ("4", TASK.choices, TASK.tests)
    assert task.meta == {"votes": 3, "answer": "4", "rejected": "5"}


def test_a_conversation_stays_one_and_loses_only_its_answer() -> None:
    system = Message("system", "be brief")
    task = TASK.example([system, user("a"), assistant("b")]).as_task()
    assert (task.prompt, task.messages) == ("", (system, user("a")))
    open_end = TASK.example([user("a"), assistant("b"), user("c")], votes=1).as_task()
    assert [message.text for message in open_end.messages] == ["a", "b", "c"]
    assert open_end.meta == {"votes": 1}


def test_a_picture_before_the_prompt_is_not_lost_on_the_way() -> None:
    picture = Image(media_type="image/png", data=b"x")
    task = Task(prompt="What?", parts=(picture,)).example("A cat.").as_task()
    assert task.conversation[0].media == (picture,)
