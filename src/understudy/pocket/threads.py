"""Keeps BLAS to one thread while the decoder works.

NumPy hands matrix products to OpenBLAS, which spreads even small ones over all cores. The products
of the decoder are too small for that to pay off. Measured on two cores with other load, a step of
64 rows: 0.37 ms per product of (64, 192) and (192, 1024) with one thread, 0.3 to 20 ms with two,
since each product waits for the slower core; a whole job took 10 s with one thread and 200 s with
two. The rest of the run makes better use of a second core.

`OPENBLAS_NUM_THREADS` counts only if it is set before NumPy is imported, so the limit is set in the
library itself. If the variable is set, its number is used. The limit holds for the whole process
until it is undone. Other libraries (Accelerate, MKL) are left alone: they size their threads by the
work.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
"""Read by OpenBLAS, in this order."""
_NAMES = ("scipy_openblas_{}64_", "openblas_{}64_", "scipy_openblas_{}", "openblas_{}")


def one_thread() -> Callable[[], None]:
    """Set the limit; returns a function that undoes it."""
    wishes = (os.environ.get(name, "") for name in VARIABLES)
    most = next((int(wish) for wish in wishes if wish.isdecimal() and int(wish)), 1)
    for file in _blas_files():
        try:
            library = ctypes.CDLL(str(file))
        except OSError:
            continue
        for name in _NAMES:
            get = getattr(library, name.format("get_num_threads"), None)
            put = getattr(library, name.format("set_num_threads"), None)
            if get is not None and put is not None:
                before = int(get())
                put(most)
                return lambda: put(before)
    return _nothing


def _blas_files() -> Iterator[Path]:
    """The files of the OpenBLAS that NumPy uses, if any."""
    maps = Path("/proc/self/maps")
    if maps.is_file():
        lines = (line.split() for line in maps.read_text("utf-8", "replace").splitlines())
        names = {parts[-1] for parts in lines if len(parts) > 5 and "openblas" in parts[-1]}
        yield from (Path(name) for name in sorted(names))
        return
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        if folder.is_dir():
            yield from sorted(file for file in folder.iterdir() if "openblas" in file.name)


def _nothing() -> None:
    pass
