"""How many durable puts a second the journal takes, and how long one waits.

    python benchmarks/journal.py [--puts 60000] [--conversations 8]

Each put is one call with a request of 1.5 KB of its own and a reply of 1 KB; `--waiting` of them are
under way at any time, as calls are in a run. Durable: a put is done when SQLite (WAL, synchronous =
FULL) has flushed it to the disk. The delay is from handing over to being told. Beside it, as the
floor, the same bytes appended to a plain file that is flushed once per batch of the same size.

Then conversations: two agents that talk, 650 characters a turn, each with the whole history before it.
First the bytes on disk per byte of text, where each agent has spoken 40 times. Then the CPU of one call
(digest and put, the thread that writes included) in an agent's 5th turn and in its 80th, with
`--conversations` under way at a time. Beside it, the CPU of the JSON of the 80th request,
which every client has to write.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from understudy.journal.effect import Effect
from understudy.journal.keys import canonical, effect_key
from understudy.journal.write import SqliteJournal
from understudy.types import Message, Request, Usage, assistant, user


def effects(n: int) -> list[Effect]:
    rng = random.Random(0)
    calls: list[Effect] = []
    for i in range(n):
        asked = canonical(Request(model="m", messages=(user(rng.randbytes(700).hex()),)))
        key = effect_key("call", "s", f"t{i}", "", "teacher", "e:m", asked.hash, 0)
        text = rng.randbytes(500).hex()
        calls.append(
            Effect(
                key, "call", "s", f"t{i}", "", "teacher", 0, "m", asked, b"{}", Usage(), 0.0,
                endpoint="e", text=text,
            )
        )  # fmt: skip
    return calls


async def journaled(folder: Path, calls: list[Effect], waiting: int) -> tuple[float, list[float]]:
    journal = SqliteJournal(folder / "journal.db")
    delays: list[float] = []
    queue = iter(calls)

    async def worker() -> None:
        for effect in queue:
            begun = time.perf_counter()
            await journal.put([effect])
            delays.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(waiting)))
    seconds = time.perf_counter() - begun
    await journal.close("done")
    return seconds, sorted(delays)


def appended(folder: Path, calls: list[Effect], batch: int) -> float:
    begun = time.perf_counter()
    with (folder / "plain").open("wb") as file:
        for start in range(0, len(calls), batch):
            for effect in calls[start : start + batch]:
                file.write(effect.request.turns[0].body + effect.text.encode())
            file.flush()
            os.fdatasync(file.fileno())
    return time.perf_counter() - begun


class Conversation:
    """Two agents: what one says is the user's turn of the other."""

    def __init__(self, task: str, seed: int) -> None:
        self._task = task
        self._rng = random.Random(seed)
        self._histories: dict[str, list[Message]] = {"a": [user("Begin.")], "b": []}

    def speak(self, agent: str, other: str) -> Effect:
        """The call of an agent's next turn, with its reply."""
        request = canonical(Request(model="m", messages=tuple(self._histories[agent])))
        key = effect_key("call", "s", self._task, "", agent, "e:m", request.hash, 0)
        text = self._rng.randbytes(LENGTH // 2).hex()
        self._histories[agent].append(assistant(text))
        self._histories[other].append(user(text))
        return Effect(
            key, "call", "s", self._task, "", agent, 0, "m", request, b"{}", Usage(), 0.0,
            endpoint="e", text=text,
        )  # fmt: skip


async def talk(
    journal: SqliteJournal, conversations: list[Conversation], turns: int
) -> list[float]:
    """Seconds of CPU per call, turn by turn; all conversations are in the same turn."""
    seconds = list[float]()
    for _ in range(turns):
        begin = time.process_time()
        for agent, other in (("a", "b"), ("b", "a")):
            calls = [conversation.speak(agent, other) for conversation in conversations]
            await asyncio.gather(*(journal.put([call]) for call in calls))
        seconds.append((time.process_time() - begin) / (2 * len(conversations)))
    return seconds


async def measure_conversations(folder: Path, n: int) -> tuple[float, float, float]:
    """Bytes on disk per byte of text, and seconds of CPU per call early and late."""
    path = folder / "conversations.db"
    journal = SqliteJournal(path)
    await talk(journal, [Conversation(f"t{i}", i) for i in range(100)], 40)
    await journal.close("done")
    size = path.stat().st_size / (100 * 2 * 40 * LENGTH)

    journal = SqliteJournal(folder / "long.db")
    rounds = [
        await talk(journal, [Conversation(f"t{i}", i) for i in range(k * n, (k + 1) * n)], LATE + 2)
        for k in range(ROUNDS)
    ]
    await journal.close("done")
    early, late = (
        statistics.median(seconds for times in rounds for seconds in times[turn - 3 : turn + 2])
        for turn in (EARLY, LATE)
    )
    return size, early, late


def write_json() -> float:
    """Seconds of CPU to write the messages of a late request as JSON."""
    talk = Conversation("t", 0)
    calls = [talk.speak(*pair) for _ in range(LATE) for pair in (("a", "b"), ("b", "a"))]
    messages = [turn.message for turn in calls[-1].request.turns]
    begin = time.process_time()
    for _ in range(100):
        msgspec.json.encode(messages)
    return (time.process_time() - begin) / 100


LENGTH = 650
"""Characters of a turn."""
EARLY, LATE = 5, 80
ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--puts", type=int, default=60_000)
    parser.add_argument("--waiting", type=int, default=1_000)
    parser.add_argument("--conversations", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=None, help="where the disk to measure is")
    options = parser.parse_args()
    calls = effects(options.puts)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        cpu = time.process_time()
        seconds, delays = asyncio.run(journaled(folder, calls, options.waiting))
        cpu = time.process_time() - cpu
        floor = appended(folder, calls, options.waiting)
        size, early, late = asyncio.run(measure_conversations(folder, options.conversations))
    n = len(calls)
    print(f"{n / seconds:,.0f} puts/s, {cpu / n * 1e6:.1f} us of CPU each")
    print(
        f"delay: median {statistics.median(delays) * 1e3:.1f} ms, "
        f"99 % under {delays[int(n * 0.99)] * 1e3:.1f} ms, longest {delays[-1] * 1e3:.1f} ms"
    )
    print(f"plain file with the same flushes: {n / floor:,.0f}/s; ratio {seconds / floor:.1f}")
    print(f"conversations of 40 turns by two agents: {size:.2f} bytes on disk per byte of text")
    print(
        f"CPU of a call in turn {EARLY}: {early * 1e6:.0f} us, in turn {LATE}: {late * 1e6:.0f} us; "
        f"ratio {late / early:.2f}; JSON of the latter: {write_json() * 1e6:.0f} us"
    )


if __name__ == "__main__":
    main()
