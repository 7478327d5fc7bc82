"""Understudy: training data that can be trusted, made by large language models with published methods.

    import understudy
    summary = understudy.run(seeds="questions.jsonl", models={"teacher": "openai:gpt-5-mini"},
                             steps=[{"self_consistency": {"samples": 20}}], out="runs/first")

Everything is imported when it is first used: `import understudy` alone loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.api import open_run, run, run_async
    from understudy.call.model import Model, gather
    from understudy.filters import rule
    from understudy.handles.embedder import Embedder
    from understudy.handles.memo import Memo
    from understudy.handles.sandbox import Sandbox
    from understudy.methods import method
    from understudy.providers.scripted import Scripted
    from understudy.types import (
        Call,
        Example,
        Generate,
        Layer,
        Message,
        Rejection,
        Reply,
        Sampling,
        Settings,
        Task,
        Verdict,
    )

__version__ = "0.1.0"

_HOMES = {
    "run": "api",
    "run_async": "api",
    "open_run": "api",
    "rule": "filters",
    "method": "methods",
    "Model": "call.model",
    "gather": "call.model",
    "Scripted": "providers.scripted",
    "Embedder": "handles.embedder",
    "Memo": "handles.memo",
    "Sandbox": "handles.sandbox",
    "Call": "types",
    "Generate": "types",
    "Layer": "types",
    "Example": "types",
    "Message": "types",
    "Rejection": "types",
    "Reply": "types",
    "Sampling": "types",
    "Settings": "types",
    "Task": "types",
    "Verdict": "types",
}

__all__ = [
    "Call",
    "Embedder",
    "Example",
    "Generate",
    "Layer",
    "Memo",
    "Message",
    "Model",
    "Rejection",
    "Reply",
    "Sampling",
    "Sandbox",
    "Scripted",
    "Settings",
    "Task",
    "Verdict",
    "gather",
    "method",
    "open_run",
    "rule",
    "run",
    "run_async",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'understudy' has no attribute {name!r}")
    return getattr(import_module(f"understudy.{_HOMES[name]}"), name)
