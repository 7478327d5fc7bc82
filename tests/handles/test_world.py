"""What an attempt has for its handles, and that every kind of handle is made of it."""

from pathlib import Path
from random import Random

import pytest

from understudy.call.model import Model
from understudy.call.stack import Tally
from understudy.handles import HANDLES
from understudy.handles.embedder import Backend, Embedder
from understudy.handles.hashing import hashing
from understudy.handles.memo import Memo
from understudy.handles.sandbox import Sandbox
from understudy.handles.world import World
from understudy.journal.write import SqliteJournal
from understudy.providers.scripted import Scripted
from understudy.sandbox.protocol import Execution, Outcome, Program


class Opened:
    """A world that keeps a list of what was opened."""

    def __init__(self, journal: SqliteJournal | None = None, seed: int = 0) -> None:
        self.names = list[str]()
        self.world = World(journal, Tally(), self.model, self.execute, self.embedder, seed)

    def model(self, name: str) -> Model:
        self.names.append(name)
        return Model.over(name, Scripted(lambda call: call.role))

    async def execute(self, execution: Execution) -> Outcome:
        self.names.append(execution.task)
        return Outcome(status="passed")

    def embedder(self) -> Backend:
        self.names.append("embedder")
        return hashing()


@pytest.mark.parametrize("kind", HANDLES, ids=lambda kind: kind.__name__)
def test_every_kind_of_handle_is_opened_from_a_world_and_bound_to_a_task(kind: type) -> None:
    handle = HANDLES[kind](Opened().world, "teacher")
    assert isinstance(handle.at("s", "t", "role"), kind)


def test_a_world_opens_nothing_before_a_handle_asks_for_it() -> None:
    opened = Opened()
    HANDLES[Memo](opened.world, "memo")
    HANDLES[Random](opened.world, "rng")
    HANDLES[Sandbox](opened.world, "sandbox")
    assert opened.names == []
    HANDLES[Model](opened.world, "critic")
    HANDLES[Embedder](opened.world, "embedder")
    assert opened.names == ["critic", "embedder"]


async def test_a_model_answers_by_the_role_of_its_parameter() -> None:
    model = HANDLES[Model](Opened().world, "gpt").at("s", "t", "critic")
    assert isinstance(model, Model)
    assert await model.ask("x") == "critic"


async def test_handles_share_the_journal_and_the_tally_of_the_world(tmp_path: Path) -> None:
    async def tick() -> int:
        return 1

    journal = SqliteJournal(tmp_path / "j.db")
    world = Opened(journal).world
    handles = {
        kind: open_(world, kind.__name__).at("s", "t", "r") for kind, open_ in HANDLES.items()
    }
    sandbox, embedder, memo = (handles[kind] for kind in (Sandbox, Embedder, Memo))
    assert isinstance(sandbox, Sandbox)
    assert isinstance(embedder, Embedder)
    assert isinstance(memo, Memo)
    await sandbox.run(Program(source="1"))
    await embedder.embed(["a", "b"])
    await memo("tick", tick)
    assert (world.tally.executed, world.tally.embedded) == (1, 2)
    for kind, count in (("sandbox", 1), ("embedding", 2), ("memo", 1)):
        assert len(list(journal.records.effects(kind))) == count
    await journal.close("done")


def test_random_numbers_hang_on_the_seed_of_the_world() -> None:
    first, same, other = (
        HANDLES[Random](Opened(seed=seed).world, "rng").at("s", "t", "rng") for seed in (1, 1, 2)
    )
    assert isinstance(first, Random)
    assert isinstance(same, Random)
    assert isinstance(other, Random)
    assert first.random() == same.random() != other.random()
