"""What an effect is found by."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.journal import keys
from understudy.journal.keys import canonical, effect_key, scope_key
from understudy.types import (
    Audio,
    Call,
    Image,
    Message,
    Request,
    Sampling,
    Text,
    ToolCall,
    assistant,
    user,
)

REQUEST = Request(model="m", endpoint="e", messages=(user("hello"),))


CALL = Call(step="s", task="t", role="r", request=REQUEST)


def key(call: Call = CALL, **changes: Any) -> bytes:
    """The key of a call's one draw; `changes` go to the call, or else to its request."""
    own = {name: value for name, value in changes.items() if name in Call.__struct_fields__}
    others = {name: value for name, value in changes.items() if name not in own}
    request = msgspec.structs.replace(call.request, **others)
    call = msgspec.structs.replace(call, **{"request": request, **own})
    request = call.request
    who = "\0".join((request.endpoint, request.model, request.revision))
    asked = canonical(request).hash
    return effect_key("call", call.step, call.task, call.scope, call.role, who, asked, call.draw)


CHANGES: dict[str, Any] = {
    "model": "m2",
    "revision": "r2",
    "endpoint": "e2",
    "messages": (user("hello!"),),
    "prompt": "hello",
    "echo": True,
    "sampling": Sampling(temperature=0.5),
    "logprobs": 0,
    "schema": {"type": "object"},
    "tools": ({"type": "function"},),
    "extra": {"effort": "low"},
}
"""Another value for every field of a request."""


SAMPLINGS: dict[str, Any] = {
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": 40,
    "min_p": 0.0,
    "max_tokens": 16,
    "stop": ("\n",),
    "seed": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "logit_bias": {"13": -1.0},
}


def test_every_field_of_a_request_is_tried_here() -> None:
    assert set(CHANGES) == set(Request.__struct_fields__)
    assert set(SAMPLINGS) == set(Sampling.__struct_fields__)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_request_changes_the_key(name: str) -> None:
    assert key(**{name: CHANGES[name]}) != key()


@pytest.mark.parametrize("name", SAMPLINGS)
def test_every_setting_of_sampling_changes_the_key(name: str) -> None:
    assert key(sampling=Sampling(**{name: SAMPLINGS[name]})) != key()


@pytest.mark.parametrize(
    "changes",
    [{"step": "s2"}, {"task": "t2"}, {"scope": "w"}, {"role": "r2"}, {"draw": 1}],
    ids=str,
)
def test_scope_role_and_draw_are_in_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


@pytest.mark.parametrize(
    "message",
    [
        Message("system", "hello"),
        Message("user", (Text("hello"), Text(""))),
        Message("user", "hello", tool_calls=(ToolCall("1", "f"),)),
        Message("user", "hello", tool_call_id="1"),
    ],
    ids=str,
)
def test_every_field_of_a_message_changes_the_key(message: Message) -> None:
    assert key(messages=(message,)) != key()


NAMES = st.text(min_size=1, max_size=3)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, st.integers(0, 20)), unique=True, max_size=20))
def test_different_parts_never_make_the_same_key(parts: list[tuple[str, str, str, int]]) -> None:
    assert len({key(step=s, task=t, role=r, draw=d) for s, t, r, d in parts}) == len(parts)


def test_unset_fields_do_not_enter_the_key() -> None:
    assert canonical(REQUEST).head == b'{"model":""}'
    assert [t.body for t in canonical(REQUEST).turns] == [b'{"role":"user","content":"hello"}']
    explicit = Request(
        model="m", endpoint="e", messages=(Message("user", "hello", (), ""),), prompt="",
        sampling=Sampling(temperature=None, stop=()), logprobs=None, schema=None, tools=(), extra={},
    )  # fmt: skip
    assert key(msgspec.structs.replace(CALL, request=explicit)) == key()


def test_the_key_does_not_hang_on_the_order_of_settings() -> None:
    one = {"a": 1, "b": {"c": 2, "d": 3}}
    other = {"b": {"d": 3, "c": 2}, "a": 1}
    assert key(extra=one) == key(extra=other)
    assert key(schema=one) == key(schema=other)


@pytest.mark.parametrize("kind", [Image, Audio])
def test_media_are_in_the_key_by_their_digest(kind: type[Image]) -> None:
    def sent(**fields: Any) -> tuple[Message, ...]:
        return (user("what is it?", kind(media_type="image/png", **fields)),)

    large = bytes(range(256)) * 4_000
    assert canonical(msgspec.structs.replace(REQUEST, messages=sent(data=large))).size < 400
    assert key(messages=sent(data=large)) == key(messages=sent(sha256=kind(data=large).sha256))
    assert key(messages=sent(data=large)) != key(messages=sent(data=large + b"!"))
    assert key(messages=sent(url="http://a")) != key(messages=sent(url="http://b"))


def test_two_media_in_one_message_keep_their_places() -> None:
    a, b = Image(data=b"a"), Image(data=b"b")
    assert key(messages=(user("?", a, b),)) != key(messages=(user("?", b, a),))
    assert key(messages=(user("?", a, a),)) != key(messages=(user("?", a),))


def test_a_key_stays_what_it_is() -> None:
    """A change here makes every journal there is worthless: their keys are made like this."""
    assert key().hex() == "950671f3d0065383970c116b0a4892566c90b7b14c954284"
    assert key()[:8] == scope_key("s", "t")
    assert len(key()) == 24


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many digests were made since the last time."""
    count = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return hashlib.blake2b(*args, **options)

    monkeypatch.setattr(keys, "blake2b", counted)

    def since() -> int:
        nonlocal count
        n, count = count, 0
        return n

    return since


def test_the_digests_per_call_do_not_grow_with_the_conversation(
    digests: Callable[[], int],
) -> None:
    turns: list[Message] = []
    counts = list[int]()
    for i in range(80):
        turns += [user(f"question {i}"), assistant(f"answer {i}"), user(f"why {i}?")]
        canonical(Request(model="m", messages=tuple(turns)))
        counts.append(digests())
    assert set(counts[1:]) == {5}  # three new turns, the last one before, the whole
    rebuilt = tuple(Message(turn.role, str(turn.content)) for turn in turns)
    canonical(Request(model="m", messages=rebuilt))
    assert digests() == 2  # equal messages are known, not only the same objects


def test_a_turn_is_another_after_other_turns() -> None:
    one = canonical(Request(model="m", messages=(user("a"), user("c"))))
    other = canonical(Request(model="m", messages=(user("b"), user("c"))))
    assert one.turns[1].hash != other.turns[1].hash
    assert one.hash != other.hash
