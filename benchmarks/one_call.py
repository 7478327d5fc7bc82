"""The smallest method there is, for measuring what is around it: one call, one example.

https://arxiv.org/abs/2212.10560 asks a model the same plain way. Departures: everything else.
"""

from understudy import Example, Model, Task, method


@method(paper="arXiv:2212.10560")
async def one_call(task: Task, teacher: Model) -> Example:
    """The task and one reply."""
    return task.example(await teacher.ask(task.prompt))
