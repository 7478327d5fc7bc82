"""Which isolations there are, and the commands that start a worker in each."""

import shutil
import sys
from pathlib import Path

import pytest

import understudy
from understudy.errors import ConfigError
from understudy.sandbox import isolation
from understudy.sandbox.isolation import AUTO, find_isolation

PACKAGE = Path(understudy.__file__).parent


def test_other_systems_are_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ConfigError, match="needs Linux, this is darwin"):
        find_isolation("namespaces")
    assert find_isolation("unsafe-subprocess").name == "unsafe-subprocess"


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("namespaces", "['namespaces', 'seccomp']"),
        ("landlock", "['landlock', 'seccomp']"),
        ("unsafe-subprocess", "[]"),
    ],
)
def test_a_worker_gets_the_layers_of_its_isolation(name: str, layers: str) -> None:
    command = find_isolation(name).command
    assert command[:5] == [sys.executable, "-I", "-S", "-B", "-c"]
    assert command[5].endswith(f"main({layers})")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has every program."""

    def which(name: str) -> str:
        return f"/usr/bin/{name}"

    monkeypatch.setattr(shutil, "which", which)


@pytest.mark.usefixtures("programs")
def test_bubblewrap_shares_nothing_and_mounts_everything_read_only() -> None:
    command = find_isolation("bubblewrap").command
    assert command[:3] == ["/usr/bin/bwrap", "--unshare-all", "--die-with-parent"]
    assert "--clearenv" in command
    assert not {"--bind", "--dev-bind", "--share-net"} & set(command)
    mounts = [command[i + 1] for i, word in enumerate(command) if word == "--ro-bind"]
    assert str(PACKAGE) in mounts
    assert str(Path.home()) not in mounts
    assert command[-1].endswith("main(['seccomp'])")


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_container_has_no_network_and_sees_the_package_read_only(kind: str) -> None:
    command = find_isolation(f"{kind}:python:3.11-slim").command
    assert command[:2] == [f"/usr/bin/{kind}", "run"]
    assert {"--rm", "--network=none", "--read-only", "--cap-drop=ALL"} <= set(command)
    assert f"--volume={PACKAGE}:/understudy/understudy:ro" in command
    assert command[command.index("python3") - 1] == "python:3.11-slim"
    assert command[-1].endswith("main(['seccomp'])")


def test_a_program_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, program in (("bubblewrap", "bwrap"), ("docker:x", "docker"), ("podman:x", "podman")):
        with pytest.raises(ConfigError, match=f"the program {program}"):
            find_isolation(name)


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", ["docker", "docker:"])
def test_a_container_needs_an_image(name: str) -> None:
    with pytest.raises(ConfigError, match="name an image"):
        find_isolation(name)


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="found 'jail'") as refused:
        find_isolation("jail")
    for name in (*AUTO, "docker:IMAGE", "podman:IMAGE", isolation.UNSAFE):
        assert name in str(refused.value)
