"""How many threads BLAS may use."""

import subprocess
import sys
from pathlib import Path

import pytest

from understudy.pocket import threads

PROBE = """
import ctypes, sys
import numpy
from understudy.pocket import threads

def now():
    for file in threads._blas_files():
        library = ctypes.CDLL(str(file))
        for name in threads._NAMES:
            get = getattr(library, name.format("get_num_threads"), None)
            if get is not None:
                return get()

before = now()
undo = threads.one_thread()
during = now()
undo()
print(before, during, now())
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at the loaded libraries")
@pytest.mark.parametrize(("wish", "expected"), [("", "1"), ("2", "2")])
def test_blas_is_bounded_while_it_lasts(wish: str, expected: str) -> None:
    code = PROBE.replace(
        "import numpy\n", f"import numpy, os\nos.environ['OPENBLAS_NUM_THREADS'] = {wish!r}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, during, after = done.stdout.split()
    if before == "None":
        pytest.skip("NumPy has no OpenBLAS here")
    assert (during, after) == (expected, before)


def test_another_blas_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_blas_files", lambda: iter([Path("/nowhere/libopenblas.so")]))
    threads.one_thread()()
