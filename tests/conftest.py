"""For every test: no network but this machine's own, a clean environment, a folder of its own."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from understudy.filters import filters
from understudy.methods import methods
from understudy.providers.table import KEYS

settings.register_profile("understudy", deadline=None, max_examples=50, database=None)
settings.load_profile("understudy")

MEMORY = Path("/dev/shm")


def pytest_configure() -> None:
    # Journals are flushed to the disk at every commit: in memory, the suite takes a fifth of the time.
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2**30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


SLOW = (
    "cli/test_locale.py",
    "conformance/",
    "data/test_optional.py",
    "data/test_read.py",
    "pocket/test_feed.py",
    "pocket/test_generator.py",
    "pocket/test_serve.py",
    "pocket/test_shipped.py",
    "providers/test_border.py",
    "providers/test_contract.py",
    "reliability/",
    "reports/test_page.py",
    "runs/test_resume.py",
    "sandbox/test_codec.py",
    "sandbox/test_hostile.py",
    "sandbox/test_verdict.py",
    "sandbox/test_worker.py",
    "servers/",
    "test_docs.py",
    "text/test_answers.py",
)
"""Tests that take long, as measured: real processes that are killed, every method at every call, real
sandboxes, borders that are fuzzed, recorded data. All others are `quick`: pytest -m quick."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        slow = item.path.relative_to(folder).as_posix().startswith(SLOW)
        item.add_marker("slow" if slow else "quick")


LOOPBACK = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", None}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that opens a connection to the world fails, instead of costing money."""
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None  # a path is a local socket
        if isinstance(host, bytes):
            host = host.decode()
        if host not in LOOPBACK:
            raise RuntimeError(f"tests must not reach the network: {address!r}")

    def guarded(self: socket.socket, address: Any) -> None:
        check(address)
        return connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        check((host,))
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No key, no setting and no file of the person who runs the tests is seen."""
    for name in list(os.environ):
        if name in KEYS.values() or name.startswith(("OPENAI_", "ANTHROPIC_", "HF_TOKEN")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths lead into a folder that is the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def own_registries() -> Iterator[None]:
    """A method or filter that a test registers is gone after it."""
    before = dict(methods.definitions), dict(filters.definitions)
    yield
    for registry, definitions in zip((methods, filters), before, strict=True):
        shipped = {
            d.name: d for d in registry.definitions.values() if d.name in registry.list_shipped()
        }
        registry.definitions.clear()
        registry.definitions.update(shipped | definitions)
