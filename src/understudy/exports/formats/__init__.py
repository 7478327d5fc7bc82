"""The formats that examples are exported in.

A new one is a file here with a `Format` in it, and one entry in `FORMATS`. An installed package adds
its own by the entry point group `understudy.formats`, each of which names a `Format`.
"""

from collections.abc import Iterator

from understudy.errors import ConfigError, nearest
from understudy.exports.formats.alpaca import ALPACA
from understudy.exports.formats.format import Format, inexpressible
from understudy.exports.formats.messages import MESSAGES
from understudy.exports.formats.preference import PREFERENCE
from understudy.exports.formats.prompt_completion import PROMPT_COMPLETION
from understudy.exports.formats.sharegpt import SHAREGPT
from understudy.plugins import find_plugins, load
from understudy.types import Example, Json

__all__ = ["DEFAULT", "FORMATS", "Format", "encode", "find_format", "formats", "inexpressible"]

FORMATS: tuple[Format, ...] = (MESSAGES, PROMPT_COMPLETION, PREFERENCE, ALPACA, SHAREGPT)
"""Those that come with the package, in the order in which help and docs list them."""

DEFAULT = FORMATS[0]
"""The format of `data/` in a run folder, and of `export` unless another is named."""

GROUP = "understudy.formats"


def formats() -> dict[str, Format]:
    """All formats by name: the package's own, then those of installed packages.

    Raises:
        ConfigError: an installed package's format does not load, or has the name of another.
    """
    every = {format.name: format for format in FORMATS}
    for point in find_plugins(GROUP).values():
        format = load(point, Format)
        if format.name in every:
            raise ConfigError(
                f"{point.value}: expected a format of a new name, found {format.name!r}, which "
                "exists. Rename it, or uninstall the package."
            )
        every[format.name] = format
    return every


def find_format(name: str) -> Format:
    """
    Raises:
        ConfigError: there is none of that name.
    """
    for format in FORMATS:  # without a look at what is installed
        if format.name == name:
            return format
    every = formats()
    if name not in every:
        raise ConfigError(f"no format {name!r}{nearest(name, every)}")
    return every[name]


def encode(example: Example, format: Format, *, extras: bool = True) -> Iterator[Json]:
    """The example as rows of a format: each with its id (numbered where there are several), and with
    `extras` what else is known of the example under `meta`.

    Raises:
        ValueError: the format cannot express the example.
    """
    rows = list(format.rows(example))
    if not rows:
        raise inexpressible(example, format.name, "at least one row", "nothing to write")
    meta = _extras(example) if extras else {}
    for number, row in enumerate(rows, 1):
        name = example.id if len(rows) == 1 else f"{example.id}#{number}"
        columns: Json = {"id": name, **row}
        if extras:
            columns["meta"] = {k: v for k, v in meta.items() if k not in row}
        yield columns


def _extras(example: Example) -> Json:
    extras: Json = {}
    if example.rejected:
        extras["rejected"] = example.rejected[-1].text
    if example.reference is not None:
        extras["reference"] = example.reference
    if example.choices:
        extras["choices"] = list(example.choices)
    if example.tests:
        extras["tests"] = list(example.tests)
    if example.scores:
        extras["scores"] = example.scores
    if example.lineage:
        extras["lineage"] = list(example.lineage)
    if example.meta:
        extras["meta"] = example.meta
    return extras
