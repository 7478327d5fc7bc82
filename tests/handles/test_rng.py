"""Random numbers are those of the run, the step and the task."""

from understudy.handles.rng import Seeded


def test_a_resumed_run_draws_the_same_numbers() -> None:
    assert Seeded(3).at("step", "t").random() == Seeded(3).at("step", "t", "other").random()


def test_every_run_step_and_task_has_numbers_of_its_own() -> None:
    draws = {
        Seeded(seed).at(step, task).random()
        for seed in (0, 1)
        for step in ("a", "b")
        for task in ("t", "u")
    }
    assert len(draws) == 8
