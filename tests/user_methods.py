"""A user's own method in a file, and what it answers."""

import asyncio

from understudy.filters import filters
from understudy.methods import methods
from understudy.registry import Definition, from_file
from understudy.types import Task

METHOD = """
from understudy import Example, Task, method

@method(paper="arXiv:0000.00000")
async def mine(task: Task) -> Example:
    return task.example({answer!r})
"""


def find(reference: str) -> Definition:
    return from_file(reference, (methods, filters))


def answer(definition: Definition) -> str:
    """What it says of a task."""
    return asyncio.run(definition.run(Task(prompt="?"))).answer
