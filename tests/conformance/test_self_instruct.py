"""The released code's own runs on GPT-3: similarities, accepted lists, prompts, instances."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from understudy.call.model import Model
from understudy.data.read import read_tasks
from understudy.methods.self_instruct import Config, Growth
from understudy.methods.self_instruct.instances import (
    filter_instances,
    instances_of,
    is_yes,
    read_instances,
)
from understudy.methods.self_instruct.pool import Accepted
from understudy.providers.scripted import Scripted
from understudy.text.rouge import RougeIndex, split_latin_words, top_k
from understudy.types import Reply, Task

Row = dict[str, Any]


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def folder(data: Path) -> Path:
    return data / "self_instruct"


@pytest.fixture(scope="session")
def seeds(folder: Path) -> list[Task]:
    """The authors' file, loaded as it is."""
    tasks = [t for t in read_tasks(str(folder / "seed_tasks.jsonl"), {}) if isinstance(t, Task)]
    assert len(tasks) == 175
    return tasks


def test_the_released_seed_file_loads_as_it_is(seeds: list[Task]) -> None:
    assert sum(bool(task.meta["is_classification"]) for task in seeds) == 26
    instances = [instances_of(task.meta) for task in seeds]
    assert all(len(one) == 1 and one[0].output for one in instances)
    assert sum(not one[0].input for one in instances) == 50
    assert seeds[0].prompt.startswith("Is there anything I can eat for a breakfast")


RUNS = pytest.mark.parametrize(("run", "accepted"), [("A", 54), ("B", 67)])


@RUNS
def test_similarities_are_bit_equal(
    run: str, accepted: int, folder: Path, seeds: list[Task]
) -> None:
    pool, average, values, highest = RougeIndex(split_latin_words), 0, 0, 0
    for task in seeds:
        pool.add(task.prompt)
    for row in (recorded := rows(folder / f"maulik_instructions_{run}.jsonl")):
        scores = pool.measure_all(row["instruction"])
        average += float(np.mean(scores)) == row["avg_similarity_score"]
        # Equal texts share one entry of the recorded dict; ties at the tenth place are not theirs
        # to keep, so values are compared and not texts.
        theirs = list(row["most_similar"].values())
        values += [float(scores[i]) for i in top_k(scores)][: len(theirs)] == theirs
        nearest = pool.find_nearest(row["instruction"])
        highest += nearest is not None and nearest.f == theirs[0]
        pool.add(row["instruction"])

    assert len(recorded) == accepted
    assert (average, values, highest) == (accepted, accepted, accepted)


def batches(recorded: list[Row]) -> Iterator[tuple[list[Row], list[str]]]:
    """The requests of each recorded batch, in order, and what was accepted of it."""
    for number in sorted({row["request_idx"] for row in recorded}):
        rows = [row for row in recorded if row["request_idx"] == number]
        requests = {row["metadata"]["prompt"]: row["metadata"] for row in rows}
        yield list(requests.values()), [row["instruction"] for row in rows]


def reply(metadata: Row) -> Reply:
    (choice,) = metadata["response"]["choices"]
    return Reply(
        text=choice["text"], stop="length" if choice["finish_reason"] == "length" else "end"
    )


@RUNS
async def test_accepted_lists_and_prompts_are_reproduced(
    run: str, accepted: int, folder: Path, seeds: list[Task]
) -> None:
    recorded = rows(folder / f"maulik_instructions_{run}.jsonl")
    unused = Model.over("none", Scripted(lambda call: ""))
    config = Config(style="reference")
    growth = Growth(seeds, unused, Random(42), config)
    rejections, prompts_equal, prompts_recorded = Counter[str](), 0, 0
    for number, (requests, accepted_texts) in enumerate(batches(recorded)):
        prompts = [growth.prompt() for _ in range(config.batch)]
        theirs = [metadata["prompt"] for metadata in requests]
        prompts_equal += sum(prompt in prompts for prompt in theirs)
        prompts_recorded += len(theirs)
        verdicts = [one for metadata in requests for one in growth.merge(reply(metadata), number)]
        assert [one.instruction for one in verdicts if isinstance(one, Accepted)] == accepted_texts
        rejections.update(one.reason for one in verdicts if not isinstance(one, Accepted))

    assert prompts_equal == prompts_recorded == {"A": 10, "B": 14}[run]
    assert rejections["too similar"] == {"A": 8, "B": 2}[run]
    assert rejections.total() == {"A": 16, "B": 18}[run]


def test_instances_are_parsed_alike(folder: Path) -> None:
    labels = {
        row["instruction"]: is_yes(row["is_classification"], reference=True)
        for row in rows(folder / "maulik_isclf_B.jsonl")
    }
    theirs: dict[str, Counter[tuple[str, str]]] = {}
    for row in rows(folder / "maulik_all_generated_B.jsonl"):
        theirs.setdefault(row["instruction"], Counter())[row["input"], row["output"]] += 1
    alike = records = empty = 0
    for row in (recorded := rows(folder / "maulik_instances_B.jsonl")):
        answer = reply(row["instance_metadata"])
        assert answer.text == row["raw_instances"]
        task = row["instruction"]
        ours = filter_instances(read_instances(answer, labels[task], reference=True))
        alike += Counter(map(tuple, ours)) == theirs.get(task, Counter())
        records, empty = records + len(ours), empty + (not ours)

    assert sum(labels.values()) == 8
    assert (alike, len(recorded), records, empty) == (67, 67, 78, 9)
