"""Values and messages survive the border; whatever else comes over it is one classified error."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.sandbox.codec import (
    MAX_BYTES,
    Opaque,
    decode,
    decode_lines,
    encode,
    encode_frame,
    encode_line,
    show,
)

hashables = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
values = st.recursive(
    hashables | st.sets(hashables, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hashables, inner, max_size=3),
    max_leaves=16,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "float",
                    "int",
                    "bytes",
                    "complex",
                    "opaque",
                    "dict",
                    "list",
                    "tuple",
                    "set",
                    "frozenset",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=2,
        )
    ),
    max_leaves=24,
)
"""JSON, much of which looks like encoded values."""


@settings(max_examples=50)
@given(values)
def test_plain_values_survive_with_their_types(value: Any) -> None:
    copy = decode(json.loads(json.dumps(encode(value))))
    assert copy == value
    assert type(copy) is type(value)


@given(anything)
def test_decoding_gives_a_value_or_one_error(data: Any) -> None:
    try:
        decode(data)
    except ValueError:
        return


@given(st.binary() | st.binary().map(lambda data: b"nonce " + data + b"\n"))
def test_messages_are_read_from_arbitrary_bytes(data: bytes) -> None:
    assert all(isinstance(message, dict) for message in decode_lines("nonce", data))


WRONG: list[Any] = [
    [1], {}, {"int": "5", "float": "5"}, {"int": 5}, {"int": "five"}, {"float": None},
    {"float": [1]}, {"bytes": "0"}, {"bytes": 1}, {"complex": "1"}, {"complex": {"0": 1}},
    {"opaque": []}, {"dict": 1}, {"dict": [[1]]}, {"dict": [[{"list": []}, 1]]},
    {"set": [{"list": []}]}, {"list": None}, {"type": "int"}, {"float": 10**400},
]  # fmt: skip


@pytest.mark.parametrize("data", WRONG, ids=lambda data: repr(data)[:30])
def test_what_encode_never_makes_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="not an encoded value"):
        decode(data)


def test_deep_data_is_refused_and_deep_values_are_opaque() -> None:
    data: Any = 1
    for _ in range(100_000):
        data = {"list": [data]}
    with pytest.raises(ValueError, match="not an encoded value"):
        decode(data)
    value: Any = 1
    for _ in range(70):
        value = [value]
    assert '"opaque"' in json.dumps(encode(value))
    while data != 1:  # freed level by level: the interpreter cannot do it at once
        (data,) = data["list"]


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {1: value},
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("levels", [61, 62])
def test_sixty_levels_below_the_first_cross(wrap: Callable[[Any], Any], levels: int) -> None:
    value: Any = ()
    for _ in range(levels - 1):
        value = wrap(value)
    assert (decode(json.loads(json.dumps(encode(value)))) == value) == (levels <= 61)


@pytest.mark.parametrize("kind", ["set", "frozenset", "dict"])
def test_keys_chosen_to_collide_are_refused(kind: str) -> None:
    """As many as fit into one message would take minutes."""
    prime = 2**61 - 1
    keys = [k * prime for k in range(101)]
    assert len(set(map(hash, keys))) == 1
    body = [[key, 1] for key in keys] if kind == "dict" else keys
    with pytest.raises(ValueError, match="more than 100 keys of one hash"):
        decode({kind: body})
    assert len(decode({kind: body[:100]})) == 100
    assert len(decode({"tuple": keys})) == 101


class Yes(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Rude:
    def __repr__(self) -> str:
        raise SystemExit


class Odd:
    def __repr__(self) -> str:
        return type("Text", (str,), {})("odd")


def test_only_exactly_built_in_types_cross() -> None:
    opaque = decode(encode(Yes(2)))
    assert isinstance(opaque, Opaque)
    assert (repr(opaque), opaque.kind) == ("2", "Yes")
    assert opaque != 2
    assert opaque != opaque
    with pytest.raises(TypeError, match="unhashable"):
        hash(opaque)


def test_a_repr_that_misbehaves_is_contained() -> None:
    with pytest.raises(RuntimeError, match="Rude whose repr raises SystemExit"):
        show(Rude())
    assert show(Odd()) == "<no text>"
    assert show("x" * 298) == repr("x" * 298)
    assert show("x" * 299) == repr("x" * 299)[:300] + "..."
    assert show(10**5000) == "<int whose repr raises ValueError>"


@pytest.mark.parametrize(
    "value", [2**63 - 1, 2**63, -(2**63) + 1, -(2**63), 10**5000], ids=lambda value: hex(value)[:20]
)
def test_integers_of_any_size_cross(value: int) -> None:
    assert decode(json.loads(json.dumps(encode(value)))) == value


def test_numbers_that_json_does_not_have_cross() -> None:
    assert decode(encode(math.inf)) == math.inf
    assert math.isnan(decode(encode(math.nan)))
    assert math.copysign(1, decode(encode(-0.0))) == -1


def test_a_message_is_a_line_with_its_nonce() -> None:
    line = encode_line("n", {"a": "x\ny"})
    assert line == b'n {"a": "x\\ny"}\n'
    assert decode_lines("n", line + b"noise\n" + line) == [{"a": "x\ny"}] * 2


@pytest.mark.parametrize(
    "line",
    [
        b'm {"a": 1}\n', b'n{"a": 1}\n', b'{"a": 1}\n', b'n {"a": 1}', b"n [1]\n", b"n 1\n", b"n \n",
        b"n {\n", b"n \xff\n", b"n " + b"[" * 100_000 + b"\n", b"n " + b"1" * 5000 + b"\n",
        b'n {"a": "' + b"x" * MAX_BYTES + b'"}\n',
    ],
    ids=lambda line: repr(line[:12]),
)  # fmt: skip
def test_what_is_no_message_of_the_nonce_is_ignored(line: bytes) -> None:
    assert decode_lines("n", line) == []


def test_the_longest_message_is_sent_and_read_and_one_more_byte_is_refused() -> None:
    text = "x" * (MAX_BYTES - len('{"a": ""}'))
    assert decode_lines("n", encode_line("n", {"a": text})) == [{"a": text}]
    with pytest.raises(ValueError, match="1,000,001 bytes, more than 1,000,000"):
        encode_line("n", {"a": text + "x"})


def test_a_frame_begins_with_its_length() -> None:
    assert encode_frame({"a": 1}) == b'\x00\x00\x00\x08{"a": 1}'
