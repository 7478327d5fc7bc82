"""Seeds as tests write and read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.data.bad_row import BadSeed
from understudy.data.read import read_tasks
from understudy.types import Task

PNG = b"\x89PNG\r\n\x1a\n rest of a picture"


def lines(path: Path, *rows: object) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def one(row: Mapping[str, Any], **columns: str) -> Task:
    (task,) = read_tasks([row], columns)
    assert isinstance(task, Task), task
    return task


def bad(row: Mapping[str, Any], **columns: str) -> str:
    (seed,) = read_tasks([row], columns)
    assert isinstance(seed, BadSeed), seed
    return seed.why
