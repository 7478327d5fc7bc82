"""A run folder: its recipe, its journal, and the lock that keeps a second process out."""

import json
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

from understudy.errors import ConfigError, RunFolderError
from understudy.journal.connect import connect_reader
from understudy.journal.lock import hold, not_writable
from understudy.runs.resolve import ResolvedRecipe

JOURNAL = "journal.db"
RECIPE = "run.json"


@dataclass
class RunDir:
    """A run folder that this process holds."""

    path: Path
    lock: IO[str]

    @classmethod
    def take(cls, recipe: ResolvedRecipe) -> "RunDir":
        """The folder of a recipe, made or continued.

        Raises:
            RunFolderError: it cannot be written, or another process holds it.
            ConfigError: it belongs to another recipe.
        """
        path = recipe.recipe.out
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(path, error) from error
        run_dir = cls(path, hold(path))
        try:
            run_dir._match(recipe)
        except BaseException:
            run_dir.release()
            raise
        return run_dir

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    @property
    def claimed(self) -> bool:
        """Whether it belongs to a recipe: then it has a journal, or has lost it."""
        return (self.path / RECIPE).exists()

    def release(self) -> None:
        self.lock.close()

    def _match(self, recipe: ResolvedRecipe) -> None:
        if not (self.path / RECIPE).exists():
            return
        facts = read_facts(self.path)
        if self.journal.exists():  # damaged or of another version: that is what to say first
            connect_reader(self.journal).close()
        then, now = facts["fingerprint"], recipe.fingerprint()
        if then != now:
            raise ConfigError(_difference(self.path, then, now))

    def claim(self, recipe: ResolvedRecipe) -> None:
        """Write `run.json`, if it is not there: from now on the folder is this recipe's.

        Raises:
            RunFolderError: the disk does not take it.
        """
        file = self.path / RECIPE
        if file.exists():
            return
        facts = {
            "fingerprint": recipe.fingerprint(),
            "recipe": recipe.recipe.model_dump(mode="json"),
            "understudy": version("understudy"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "git_commit": _commit(),
        }
        temporary = file.with_suffix(".tmp")
        try:
            text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(file)
        except OSError as error:
            raise RunFolderError(f"{file}: {error.strerror}. Make room and run again.") from error


def read_facts(path: Path) -> dict[str, Any]:
    """What `run.json` says of the run in a folder.

    Raises:
        ConfigError: it is no run folder.
    """
    if not (path / RECIPE).is_file():
        raise ConfigError(f"{path}: expected a run folder with a {RECIPE}, found none.")
    return _read(path / RECIPE)


def _read(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text("utf-8"))
        if not isinstance(facts, dict) or not {"fingerprint", "recipe"} <= facts.keys():
            raise ValueError("expected the facts of a run, found something else")
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{file}: {error}. Restore it, or start a new run with out=FOLDER."
        ) from None
    return cast("dict[str, Any]", facts)


def _difference(path: Path, then: dict[str, Any], now: dict[str, Any]) -> str:
    keys = sorted(k for k in {*then, *now} if then.get(k, _UNSET) != now.get(k, _UNSET))
    lines = "\n".join(f"  {key}: {_change(key, then, now)}" for key in keys)
    return (
        f"{path} holds a run of another recipe. What differs (there -> here):\n{lines}\n"
        f"Run it as it was, or start a new one: out=NEW reuse='[{path}]' takes from this one every "
        "reply that is still needed."
    )


def _change(key: str, then: dict[str, Any], now: dict[str, Any]) -> str:
    """How a key differs. Of a step's code the digests would say nothing."""
    before, after = then.get(key, _UNSET), now.get(key, _UNSET)
    use = now.get(f"{key.removesuffix('.code')}.use")
    if not key.endswith(".code") or use is None or {str} != {type(before), type(after)}:
        return f"{before!r} -> {after!r}"
    releases = [digest.rpartition(" ")[0] for digest in (before, after)]
    if releases[0] == releases[1]:
        return f"{use} was changed"
    return f"{use} of {releases[0]} -> {releases[1]}"


class _Unset:
    def __repr__(self) -> str:
        return "(unset)"


_UNSET = _Unset()


def _commit() -> str:
    """Of the directory the run is started in; empty outside a repository."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()
