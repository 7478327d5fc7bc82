"""How much disk the base install takes beyond Python, and what takes it.

    python benchmarks/install_size.py [--most 120]

Sums the files of the package and of all that it requires without extras, as they are installed here.
Bytecode is told apart: pip compiles all of it at once, uv leaves that to the first import. More than
`--most` megabytes without it is an error.
"""

import argparse
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def required(name: str, seen: dict[str, list[Path]]) -> None:
    """The files of a distribution and of what it requires."""
    key = name.lower().replace("_", "-")
    if key in seen:
        return
    try:
        found = distribution(name)
    except PackageNotFoundError:  # a requirement of another platform
        return
    files = {Path(str(found.locate_file(file))) for file in found.files or ()}
    seen[key] = [file for file in files if file.is_file()]
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            required(re.split(r"[ ;<>=!~\[(]", requirement, maxsplit=1)[0], seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=float("inf"))
    most = parser.parse_args().most
    files: dict[str, list[Path]] = {}
    required("understudy", files)
    package = Path(__import__("understudy").__file__).parent
    files["understudy"] = [file for file in package.rglob("*") if file.is_file()]
    sizes = {
        name: megabytes(f for f in found if f.suffix != ".pyc") for name, found in files.items()
    }
    compiled = megabytes(f for found in files.values() for f in found if f.suffix == ".pyc")
    total = sum(sizes.values())
    print(f"{total:.0f} MB in {len(sizes)} packages, and {compiled:.0f} MB of bytecode")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{size:>6.0f} MB  {name}")
    if total > most:
        raise SystemExit(f"more than {most:g} MB")


def megabytes(files: Iterable[Path]) -> float:
    """Of 1e6 bytes."""
    return sum(file.stat().st_size for file in files) / 1e6


main()
