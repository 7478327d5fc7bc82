"""Files that others published read as the tasks that they hold, all of them."""

from pathlib import Path

import pytest

from understudy.data.bad_row import BadSeed
from understudy.data.read import read_tasks
from understudy.types import Task


def read(path: Path, **columns: str) -> list[Task]:
    tasks = list[Task]()
    for task in read_tasks(path, columns):
        assert not isinstance(task, BadSeed), task
        tasks.append(task)
    return tasks


def test_gsm8k_gives_every_question_with_its_reference(data: Path) -> None:
    tasks = read(data / "gsm8k" / "test.jsonl")

    assert len(tasks) == 1319
    assert all(task.prompt and "####" in (task.reference or "") for task in tasks)
    assert all(task.meta == {} for task in tasks)


@pytest.mark.parametrize("part", range(3))
def test_recorded_chains_of_thought_read_with_a_column_mapping(data: Path, part: int) -> None:
    path = sorted((data / "self_consistency").glob("*.jsonl"))[part]

    tasks = read(path, id="problem_id", prompt="problem", reference="correct")

    assert len(tasks) == 100
    assert len({task.id for task in tasks}) == 100
    assert all(len(task.reference or "") == 1 for task in tasks)
    assert all(len(task.meta["responses"]) == 10 for task in tasks)


def test_humaneval_gives_every_problem_with_its_tests(data: Path) -> None:
    tasks = read(data / "code" / "HumanEval.jsonl")

    assert len(tasks) == 164
    assert all("def check(candidate)" in task.tests[0] for task in tasks)
    assert tasks[0].id == "HumanEval/0"
    assert tasks[0].meta["entry_point"] == "has_close_elements"


def test_self_instruct_seeds_give_every_instruction(data: Path) -> None:
    tasks = read(data / "self_instruct" / "seed_tasks.jsonl")

    assert len(tasks) == 175
    assert len({task.id for task in tasks}) == 175


def test_a_dotted_path_reaches_into_the_instances_of_self_instruct(data: Path) -> None:
    path = data / "self_instruct" / "seed_tasks.jsonl"

    tasks = read(path, reference="instances.0.output", **{"meta.given": "instances.0.input"})

    assert all(task.reference for task in tasks)
    assert sum(task.meta["given"] == "" for task in tasks) == 50


def test_a_column_of_pictures_that_are_not_there_makes_every_row_a_bad_seed(data: Path) -> None:
    path = data / "multimodal" / "llava_coco2014_val_gpt4_qa_30x3.jsonl"

    found = list(read_tasks(path))

    assert len(found) == 90
    assert all(isinstance(seed, BadSeed) and "picture" in seed.why for seed in found)
