"""A run folder opened for reading: its recipe, its rows, and the definitions of its steps."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from understudy.errors import ConfigError
from understudy.journal.blobs import with_bytes
from understudy.journal.read import Records
from understudy.registry import Definition
from understudy.runs.recipe import SEEDS, Recipe, find
from understudy.runs.run_dir import JOURNAL, RECIPE, read_facts
from understudy.types import Example, Rejection

_example = msgspec.json.Decoder(Example).decode
_rejection = msgspec.json.Decoder(Rejection).decode


class Run:
    """A run folder opened for reading, also while the run goes on."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where `path` is no run folder."""
        self.path = path
        self.facts: dict[str, Any] = read_facts(path)
        """The contents of `run.json`."""
        self.recipe = _recipe(path, self.facts["recipe"])
        self.records = Records(path / JOURNAL)
        self.labels = [step.name for step in self.recipe.steps]

    @cached_property
    def definitions(self) -> dict[str, Definition | None]:
        """The method or filter of each step, by label; None where a user's file has gone."""
        return {step.name: _definition(step.use) for step in self.recipe.steps}

    def close(self) -> None:
        """Close the journal."""
        self.records.close()

    def examples(self, step: str = "") -> Iterator[Example]:
        """The examples of a step (by default the last), in the order of the seeds."""
        for row in self.records.rows(step or self.labels[-1], "example"):
            example = _example(row.body)
            has_media = b'"sha256":' in row.body  # most examples have no pictures or sound
            yield with_bytes(example, self.records.blob) if has_media else example

    def sample(self, step: str, most: int) -> list[Example]:
        """Up to `most` examples of a step, spread from its first to its last."""
        return [_example(row.body) for row in self.records.sample(step, "example", most)]

    def outcomes(self, step: str, most: int | None = None) -> Iterator[Example | Rejection]:
        """Examples and rejections of a step, in the order of the seeds; the `most` oldest, if set."""
        for row in self.records.rows(step, "example", "rejection", most=most):
            yield _example(row.body) if row.kind == "example" else _rejection(row.body)

    def rejections(self) -> Iterator[dict[str, Any]]:
        """Every rejection, with its step and task."""
        for label in self.labels:
            for row in self.records.rows(label, "rejection"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)

    def failures(self) -> Iterator[dict[str, Any]]:
        """Every failure, with its step and task."""
        for label in (SEEDS, *self.labels):
            for row in self.records.rows(label, "failure"):
                yield {"step": row.step, "task": row.task} | msgspec.json.decode(row.body)


def _recipe(path: Path, data: Any) -> Recipe:
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            f"{path}: expected a recipe of this version of Understudy in {RECIPE}, found: {error}"
        ) from None


def _definition(use: str) -> Definition | None:
    try:
        return find(use)
    except ConfigError:
        return None
