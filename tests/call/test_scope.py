"""Names of scopes: no two nestings share one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.call.scope import nest

names = st.lists(st.text("ab/%2F5", min_size=1), min_size=1, max_size=3)


def join(path: list[str]) -> str:
    scope = ""
    for name in path:
        scope = nest(scope, name)
    return scope


def test_a_scope_within_another_follows_it() -> None:
    assert join(["agent 7", "memory"]) == "agent 7/memory"
    assert join(["a/b", "50%"]) == "a%2Fb/50%25"


@given(names, names)
def test_different_paths_have_different_names(one: list[str], other: list[str]) -> None:
    assert (join(one) == join(other)) == (one == other)


def test_a_worker_has_a_name() -> None:
    with pytest.raises(ValueError, match="expected the name of a worker"):
        nest("agent 7", "")
