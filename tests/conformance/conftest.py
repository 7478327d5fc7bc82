"""Conformance tests compare us with what real models and other people's code wrote.

They need a folder of recorded data, which `UNDERSTUDY_DATA` names, and skip without it.
"""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of recorded data."""
    folder = os.environ.get("UNDERSTUDY_DATA")
    if not folder:
        pytest.skip("needs recorded data: set UNDERSTUDY_DATA to the folder that holds it")
    path = Path(folder)
    assert path.is_dir(), f"UNDERSTUDY_DATA names {folder!r}, which is no folder"
    return path
