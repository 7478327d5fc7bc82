"""How much disk the base install takes beyond Python, and what takes it.

    python benchmarks/install_size.py [--most 160]

Sums the files of the package and of all that it requires without extras, as they are installed here,
compiled bytecode included where there is some. More than `--most` megabytes is an error.
"""

import argparse
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def required(name: str, seen: dict[str, int]) -> None:
    """The megabytes (1e6) of a distribution and of what it requires."""
    key = name.lower().replace("_", "-")
    if key in seen:
        return
    try:
        found = distribution(name)
    except PackageNotFoundError:  # a requirement of another platform
        return
    files = [Path(str(found.locate_file(file))) for file in found.files or ()]
    seen[key] = sum(file.stat().st_size for file in set(files) if file.is_file())
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            required(re.split(r"[ ;<>=!~\[(]", requirement, maxsplit=1)[0], seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=float("inf"))
    most = parser.parse_args().most
    sizes: dict[str, int] = {}
    required("understudy", sizes)
    package = Path(__import__("understudy").__file__).parent
    sizes["understudy"] = sum(f.stat().st_size for f in package.rglob("*") if f.is_file())
    total = sum(sizes.values()) / 1e6
    print(f"{total:.0f} MB in {len(sizes)} packages")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"{size / 1e6:>6.0f} MB  {name}")
    if total > most:
        raise SystemExit(f"more than {most:g} MB")


main()
