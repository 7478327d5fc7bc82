"""The escape check fails where a hostile program gets out, and where nobody can say."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from understudy.sandbox.escape_check import ATTEMPTS, SECRET, Canaries, list_escapes
from understudy.sandbox.isolation import find_isolation
from understudy.sandbox.protocol import Outcome
from understudy.sandbox.worker import Worker
from understudy.sandbox.worker_pool import check_escapes


@pytest.fixture
def canaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canaries]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Canaries() as canaries:
        yield canaries


def answer(*attempts: str) -> Outcome:
    return Outcome(status="passed", values=(repr(list(attempts)),), raised=(False,))


def test_a_program_that_got_nowhere_has_not_escaped(canaries: Canaries) -> None:
    assert list_escapes(answer(), canaries) == []


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_attempt_that_succeeds_is_an_escape(attempt: str, canaries: Canaries) -> None:
    assert list_escapes(answer(attempt), canaries) == [attempt]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status="timeout", error="TIMEOUT"),
        Outcome(status="passed", values=("TypeError: x",), raised=(True,)),
        Outcome(status="passed", values=("[]", "[]"), raised=(False, False)),
    ],
    ids=repr,
)
def test_no_answer_is_an_escape(outcome: Outcome, canaries: Canaries) -> None:
    (escape,) = list_escapes(outcome, canaries)
    assert escape.startswith("the escape check did not answer")


def test_the_canaries_notice_what_the_program_does_not_admit(canaries: Canaries) -> None:
    canaries.target.write_text("x")
    with socket.create_connection(("127.0.0.1", canaries.places["port"])):
        assert list_escapes(answer(), canaries) == [
            "it reached a socket of this machine",
            "it wrote a file of this machine",
        ]


def test_the_secret_lies_in_the_home_folder_for_as_long_as_the_check_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Canaries() as canaries:
        (secret,) = tmp_path.glob("*/secret")
        assert repr(str(secret)) == canaries.places["secret"]
        assert secret.read_text() == SECRET
    assert list(tmp_path.iterdir()) == []


async def test_a_hostile_program_escapes_where_nothing_isolates_it() -> None:
    """So the escape check can fail."""
    worker = await Worker.start(find_isolation("unsafe-subprocess").command)
    try:
        escapes = await check_escapes(worker)
    finally:
        await worker.close()
    assert {
        "reads files of the user",
        "opens sockets",
        "starts processes",
        "writes outside",
    } <= set(escapes)
    assert "it wrote a file of this machine" in escapes


async def test_an_escape_check_that_cannot_be_done_is_not_passed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker = await Worker.start(find_isolation("unsafe-subprocess").command)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    try:
        (escape,) = await check_escapes(worker)
    finally:
        await worker.close()
    assert escape.startswith("the escape check could not be done: [Errno 2]")
