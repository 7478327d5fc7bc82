"""A user's own Python file or folder as a module, read again whenever its content has changed.

Each content of each path is a module of its own: an edit in a notebook counts at once, and two files
of one name do not meet. A folder is a package, so that its files can import each other relatively.
"""

import importlib
import importlib.util
import sys
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

_IGNORED = {"__pycache__"}


def content_digest(*paths: Path) -> str:
    """A digest of files, and of all files in folders, with their names."""
    digest = blake2b(digest_size=16)
    for path in paths:
        files = sorted(file for file in path.rglob("*") if _counts(file, path)) or [path]
        for file in files:
            content = file.read_bytes()
            name = str(file.relative_to(path.parent))
            digest.update(f"{len(name.encode())} {len(content)} {name}".encode() + content)
    return digest.hexdigest()


def load_module(path: Path) -> ModuleType:
    """The module of a file, or the package of a folder.

    Raises whatever the code raises when it is run.
    """
    file = path / "__init__.py" if path.is_dir() else path
    name = f"understudy_user_{content_digest(path)}_{blake2b(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    folders = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _no_bytecode():
            exec(compile(file.read_bytes(), file, "exec"), module.__dict__)
    except BaseException:
        for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[loaded]
        raise
    return module


def load_submodule(package: ModuleType, name: str) -> None:
    """Imports a file of a folder that its `__init__.py` does not import."""
    with _no_bytecode():
        importlib.import_module(f"{package.__name__}.{name}")


@contextmanager
def _no_bytecode() -> Generator[None]:
    """Python's cache takes two contents of one second and one size for the same, so none is written."""
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes


def _counts(file: Path, folder: Path) -> bool:
    """Whether a file is part of the code of a folder."""
    parts = file.relative_to(folder).parts
    return file.is_file() and not any(part in _IGNORED or part[0] == "." for part in parts)
