"""Pictures and sound: their bytes once in the journal, and again where they go out."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from harness import Bench, defined, step

from understudy import open_run, run
from understudy.call.model import Model
from understudy.errors import RunFolderError
from understudy.journal.read import Records
from understudy.providers.scripted import Scripted
from understudy.types import Audio, Call, Example, Image, Reply, Task, user

PIXELS = bytes(range(256)) * 400
CAT = Image(media_type="image/png", data=PIXELS)
SOUND = Audio(media_type="audio/wav", data=b"RIFF" + bytes(5_000))


async def look(task: Task, teacher: Model) -> Example:
    return task.example(await teacher.ask(task.conversation))


def seen(call: Call) -> str:
    """The script sees what an endpoint would: the bytes."""
    media = [part for turn in call.request.messages for part in turn.media]
    assert [part.data for part in media] == [PIXELS]
    return f"a cat, {call.step}"


async def test_three_steps_over_a_picture_store_its_bytes_once(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        model = bench.model(Scripted(seen))
        steps = [step(defined(look), model, label=label) for label in ("one", "two", "three")]
        await bench.run(steps, [Task(id="t", prompt="What is it?", parts=(CAT,))])
        assert bench.tally.sent == 3
        (row,) = bench.journal.records.rows("three", "example")
        assert len(row.body) < 1_000
        example = msgspec.json.decode(row.body, type=Example)
        assert example.messages[0].media == (Image(media_type="image/png", sha256=CAT.sha256),)
        assert bench.journal.records.blob(CAT.sha256) == PIXELS
    assert (tmp_path / "j.db").stat().st_size < 3 * len(PIXELS) + 200_000
    with sqlite3.connect(tmp_path / "j.db") as db:
        assert db.execute("select count(*), sum(length(bytes)) from blobs").fetchone() == (
            1, len(PIXELS),
        )  # fmt: skip


async def test_pictures_and_sound_of_a_reply_are_kept_and_replayed_by_digest(
    tmp_path: Path,
) -> None:
    reply = Reply(text="here", media=(CAT, SOUND))
    for script in ([reply], []):
        async with Bench(tmp_path / "j.db") as bench:
            answer = await bench.model(Scripted(script)).at("s", "t").chat("Draw a cat.")
            assert [part.sha256 for part in answer.media] == [CAT.sha256, SOUND.sha256]
            assert [part.data for part in answer.media] == [b"", b""]
            assert bench.journal.records.blob(SOUND.sha256) == SOUND.data


async def test_a_picture_that_a_model_made_can_be_shown_to_another(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        painter = bench.model(Scripted([Reply(media=(CAT,))])).at("s", "t", "painter")
        (picture,) = (await painter.chat("Draw.")).media
        critic = bench.model(Scripted(seen)).at("s", "t", "critic")
        assert await critic.ask([user("Good?", picture)]) == "a cat, s"


async def test_media_of_a_reused_reply_come_along(tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    async with Bench(first) as bench:
        await bench.model(Scripted([Reply(media=(CAT,))])).at("s", "t").chat("Draw.")
    async with Bench(second, [first]) as bench:
        await bench.model(Scripted([])).at("s", "t").chat("Draw.")
    records = Records(second)
    assert records.blob(CAT.sha256) == PIXELS
    records.close()


async def test_a_picture_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with Bench(tmp_path / "j.db") as bench:
        with pytest.raises(RunFolderError, match="picture or sound 00 is not as it was written"):
            bench.journal.records.blob("00")


@pytest.mark.usefixtures("own_folder")
def test_an_export_has_the_bytes_again() -> None:
    Path("cat.png").write_bytes(b"\x89PNG" + PIXELS)
    Path("script.py").write_text("def answer(call):\n    return 'a cat'\n")
    run(
        seeds=[{"id": "t", "prompt": "What is it?", "images": ["cat.png"]}],
        models={"teacher": "scripted:script.py:answer"},
        steps=[{"universal_self_consistency": {"samples": 1}}],
        out="out",
    )
    finished = open_run("out")
    (example,) = finished.examples()
    assert example.messages[0].media[0].data == b"\x89PNG" + PIXELS
    finished.close()
    assert "data:image/png;base64," in Path("out/data/train.jsonl").read_text()
