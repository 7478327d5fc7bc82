"""One paper, one folder. A method is a plain async function; its signature is the whole contract.

    @method(paper="arXiv:...")
    async def name(task: Task, teacher: Model, config: Config) -> Example: ...

Every parameter of type `Model` is a role that the recipe binds. `config` is a frozen settings model of
the same file. `rng: Random`, if it is asked for, is seeded by the run and the task. An async generator
over `tasks: Sequence[Task]` is a method over the whole pool. Prompts are data in `prompts.yaml` beside
it.
"""

from collections.abc import Callable
from typing import TypeVar

from understudy.registry import Registry, Report

ROOMS: dict[str, str] = {
    "topic_guided_red_teaming": "self_align",
    "universal_self_consistency": "self_consistency",
    "verbose_cloning": "self_align",
}
"""A method that is a stage or a variant of another paper's method, and the folder in which it stands."""

methods = Registry(__name__, "method", ROOMS)

Function = TypeVar("Function", bound=Callable[..., object])


def method(
    *, paper: str, report: Report | None = None, seeds: str = ""
) -> Callable[[Function], Function]:
    """Register a method. The function is returned untouched. `report` turns its rows into what
    `understudy show` prints and `report.html` draws. `seeds` are used if the recipe names none."""
    return lambda function: methods.add(function, paper, report, seeds)
