"""An effect is taken from the journal, or else done, written, and only then handed on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from understudy.call.replay import question, replay
from understudy.journal.effect import Effect, Journal, Stored
from understudy.journal.keys import plain
from understudy.journal.read import Records
from understudy.journal.write import SqliteJournal
from understudy.types import Usage

ASKED: dict[str, Any] = {
    "step": "s", "task": "t", "scope": "w", "role": "r", "draw": 0, "model": "m", "endpoint": "e",
    "revision": "1",
}  # fmt: skip


def ask(body: bytes = b'"x"', kind: str = "clock", **changes: Any) -> Effect:
    return question(kind, plain(body), **ASKED | changes)


@pytest.mark.parametrize("name", ASKED)
def test_all_that_is_named_is_in_the_key(name: str) -> None:
    changes: dict[str, Any] = {name: 7 if name == "draw" else "other"}
    assert ask(**changes).key != ask().key


def test_the_kind_and_what_is_asked_are_in_the_key() -> None:
    assert len({ask().key, ask(kind="memo").key, ask(b'"y"').key}) == 3
    assert ask().key == ask().key


def test_names_of_who_answers_do_not_run_into_each_other() -> None:
    one = ask(endpoint="a", model="b", revision="")
    assert one.key != ask(endpoint="ab", model="", revision="").key
    assert one.key != ask(endpoint="a", model="", revision="b").key


class Clock:
    """An effect that has another outcome each time it is done."""

    def __init__(self, *errors: Exception) -> None:
        self.times = 0
        self.errors = list(errors)

    async def do(self, effect: Effect) -> tuple[Effect, int]:
        if self.errors:
            raise self.errors.pop()
        self.times += 1
        return effect._replace(reply=str(self.times).encode(), usage=Usage()), self.times

    async def ask(self, journal: Journal | None, effect: Effect) -> int:
        return await replay(journal, effect, self.do, lambda stored: int(stored.reply))


async def open_and_ask(
    clock: Clock, path: Path, *effects: Effect, reuse: Sequence[Path] = ()
) -> list[int]:
    journal = SqliteJournal(path, reuse)
    try:
        return [await clock.ask(journal, effect) for effect in effects]
    finally:
        await journal.close("done")


async def test_what_is_on_disk_is_not_done_again(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "j.db"
    assert await open_and_ask(clock, path, ask(), ask(draw=1), ask()) == [1, 2, 1]
    assert await open_and_ask(clock, path, ask(draw=1), ask(draw=2)) == [2, 3]


async def test_without_a_journal_it_is_always_done() -> None:
    clock = Clock()
    assert [await clock.ask(None, ask()) for _ in range(3)] == [1, 2, 3]


async def test_what_fails_is_raised_and_not_kept(tmp_path: Path) -> None:
    clock, path = Clock(OSError("no clock")), tmp_path / "j.db"
    with pytest.raises(OSError, match="no clock"):
        await open_and_ask(clock, path, ask())
    assert await open_and_ask(clock, path, ask()) == [1]


async def test_an_outcome_is_handed_on_only_when_it_is_on_disk(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "j.db"
    journal = SqliteJournal(path)
    for draw in range(3):
        await clock.ask(journal, ask(draw=draw))
        records = Records(path)
        assert len(list(records.effects("clock"))) == draw + 1
        records.close()
    await journal.close("done")


async def test_what_another_run_has_is_written_here_with_where_it_came_from(
    tmp_path: Path,
) -> None:
    clock, other, path = Clock(), tmp_path / "other.db", tmp_path / "j.db"
    await open_and_ask(clock, other, ask())
    assert await open_and_ask(clock, path, ask(), reuse=[other]) == [1]
    records = Records(path)
    assert [effect.source for effect in records.effects("clock")] == [str(other)]
    records.close()
    other.unlink()
    assert await open_and_ask(clock, path, ask()) == [1]


async def test_the_text_that_stands_apart_from_a_reply_comes_back_with_it(tmp_path: Path) -> None:
    async def say(effect: Effect) -> tuple[Effect, Stored]:
        return effect._replace(reply=b"{}", text="hello"), Stored(b"{}", "hello")

    async def keep(stored: Stored) -> None:
        outcomes.append(stored)

    outcomes: list[Stored] = []
    journal = SqliteJournal(tmp_path / "j.db")
    for _ in range(2):
        await keep(await replay(journal, ask(), say, lambda stored: stored))
    assert outcomes[0] == outcomes[1]
    await journal.close("done")
