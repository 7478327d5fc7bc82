"""Rows of a data set on the Hugging Face hub, streamed: `hf:org/name[/config][:split]`.

Needs the extra `hub`. A data set can change between two runs. Not covered: pictures and sound that
the library decodes itself.
"""

import importlib
import re
from typing import Any

from understudy.data.optional import require
from understudy.data.readers import Raw, Rows, Source
from understudy.errors import ConfigError

_NAME = re.compile(
    r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:/(?P<config>[\w.-]+))?(?::(?P<split>[\w.\[\]%-]+))?"
)


def from_hub(reference: str) -> Source:
    """The rows of a data set on the hub.

    Raises:
        ConfigError: the name is not of that form, the extra is missing, or the hub has no such
            data set.
    """
    match = _NAME.fullmatch(reference)
    if match is None:
        raise ConfigError(
            f"hf:{reference}: expected hf:org/name, hf:org/name:split or hf:org/name/config:split."
        )
    with require("hub", f"hf:{reference}"):
        datasets: Any = importlib.import_module("datasets")
    split = match["split"] or "train"
    try:
        data: Any = datasets.load_dataset(
            match["name"], match["config"], split=split, streaming=True
        )
    except Exception as error:  # the library raises whatever its own libraries raise
        raise ConfigError(
            f"hf:{reference}: expected a data set with a split {split!r}, found: {error}"
        ) from error

    def rows() -> Rows:
        for number, row in enumerate(data, 1):
            yield Raw(f"hf:{reference}:row {number}", row)

    names: Any = data.column_names
    return Source(f"hf:{reference}", rows, columns=tuple(names) if names else None)
