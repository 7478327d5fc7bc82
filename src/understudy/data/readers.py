"""The rows of a seed file, one by one, whatever its format; what they mean is `recognise.py`'s.

Memory is bounded by one row (`.jsonl`, `.csv`) or one batch of rows (`.parquet`), not by the file;
`.json`, which is one value, is held whole. A row that is broken comes as a `BadSeed` in its place;
a file that is broken is a `ConfigError`.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias, cast

import msgspec

from understudy.data.bad_row import BadSeed, shown
from understudy.data.optional import needs
from understudy.data.plain import plain
from understudy.errors import ConfigError, nearest

LONGEST = 64 * 2**20
"""Bytes of a line, and characters of a CSV cell: what is longer is passed over, not held."""
_DEEP = 100
"""Brackets in a line from which on its nesting is checked."""
_BOM = b"\xef\xbb\xbf"
_BUILTIN = Path(__file__).parent / "builtin"


class Raw(NamedTuple):
    """A row as the file has it."""

    where: str
    row: Mapping[str, Any]


Rows: TypeAlias = Iterator[Raw | BadSeed]


class Source(NamedTuple):
    """A place that rows come from, as often as asked."""

    name: str
    rows: Callable[[], Rows]
    folder: Path = Path()
    """Where the relative paths in its rows start."""
    columns: tuple[str, ...] | None = None
    """All its columns, where the format lists them."""


def in_memory(rows: Sequence[Mapping[str, Any]]) -> Source:
    """The rows of a list, counted from 1."""

    def numbered() -> Rows:
        for number, row in enumerate(rows, 1):
            yield Raw(f"row {number}", row)

    return Source("the given rows", numbered)


def builtin(name: str) -> Path:
    """The file of the tasks that come with the package under this name."""
    path = _BUILTIN / f"{name}.jsonl"
    if not path.is_file():
        known = sorted(file.stem for file in _BUILTIN.glob("*.jsonl"))
        raise ConfigError(
            f"builtin:{name}: expected one of the built-in sets of tasks, found none of that name"
            f"{nearest(name, known)}"
        )
    return path


def from_file(path: Path) -> Source:
    """The rows of a file, by its suffix.

    Raises:
        ConfigError: there is no such file, or its suffix says nothing.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "none"
        names = [file.name for file in islice(_siblings(path), 10_000)]
        raise ConfigError(f"{path}: expected a file, found {what}{nearest(path.name, names)}")
    kind = path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]
    match "".join(kind).lower():
        case ".jsonl" | ".ndjson" | ".jsonl.gz" | ".ndjson.gz":
            return Source(path.name, lambda: _jsonl(path), path.parent)
        case ".json" | ".json.gz":
            return Source(path.name, lambda: _json(path), path.parent)
        case ".csv" | ".csv.gz":
            return Source(path.name, lambda: _csv(path), path.parent, _csv_header(path))
        case ".parquet":
            with needs("parquet", path):
                from understudy.data import parquet
            columns = parquet.columns(path)
            return Source(path.name, lambda: _parquet(path), path.parent, columns)
        case suffix:
            raise ConfigError(
                f"{path}: expected a file that ends in .jsonl, .json, .csv (these also with .gz) "
                f"or .parquet, found {suffix!r}. Rename or convert it."
            )


def _siblings(path: Path) -> Iterator[Path]:
    try:
        yield from path.parent.iterdir()
    except OSError:
        return


def _open(path: Path) -> IO[bytes]:
    try:
        file = (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rb")
    except OSError as error:
        raise ConfigError(f"{path}: expected a readable file, found: {error.strerror}.") from error
    return cast("IO[bytes]", file)


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None for one that is too long.

    Raises:
        _Cut: a compressed file is damaged from here on.
    """
    number = 0
    with _open(path) as file:
        try:
            while line := file.readline(LONGEST):
                number += 1
                if number == 1:
                    line = line.removeprefix(_BOM)
                if len(line) < LONGEST or line.endswith(b"\n"):
                    yield number, line
                    continue
                while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = "expected a whole gzip file, found one that is cut or damaged from here on"
            if number == 0:
                raise ConfigError(f"{path}: {message}. Make or fetch it again.") from error
            raise _Cut(BadSeed(f"{path.name}:{number + 1}", f"{message}.")) from error


class _Cut(Exception):
    """The rest of a file cannot be read."""

    def __init__(self, seed: BadSeed) -> None:
        super().__init__(seed.why)
        self.seed = seed


def _jsonl(path: Path) -> Rows:
    try:
        for number, line in _lines(path):
            where = f"{path.name}:{number}"
            if line is None:
                yield BadSeed(where, f"expected a line of at most {LONGEST:,} bytes, found more.")
            elif text := line.strip():
                yield _decoded(where, text)
    except _Cut as cut:
        yield cut.seed


def _decoded(where: str, text: bytes) -> Raw | BadSeed:
    try:
        return _record(where, _value(text))
    except ValueError as error:
        return BadSeed(where, f"{error}; found {shown(text)}. Mend or delete the line.")


def _value(text: bytes) -> object:
    """
    Raises:
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        try:
            text.decode()
        except UnicodeDecodeError as other:
            byte = f"byte {other.start + 1} of the line"
            raise ValueError(f"expected UTF-8, but {byte} is none") from error
        raise ValueError(f"expected one JSON object ({error})") from error
    except RecursionError as error:
        raise ValueError("expected JSON of sensible depth") from error
    if text.count(b"[") + text.count(b"{") > _DEEP:
        plain(value)
    return value


def _record(where: str, value: object) -> Raw | BadSeed:
    if isinstance(value, Mapping):
        return Raw(where, cast("Mapping[str, Any]", value))
    return BadSeed(where, f"expected one JSON object, found {shown(value)}. Mend or delete it.")


def _json(path: Path) -> Rows:
    with _open(path) as file:
        try:
            text = file.read().removeprefix(_BOM).strip()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ConfigError(f"{path}: expected a whole gzip file, found {error}.") from error
    if not text:
        return
    try:
        value = _value(text)
    except ValueError as error:
        first = text.partition(b"\n")[0]
        if isinstance(_decoded("", first.strip()), Raw):  # JSON Lines under the wrong name
            yield from _jsonl(path)
            return
        raise ConfigError(
            f"{path}: {error}. A file of one object a line is named .jsonl."
        ) from error
    if isinstance(value, dict) and "data" in value:
        value = cast("dict[str, object]", value)["data"]
    if not isinstance(value, list):
        raise ConfigError(
            f"{path}: expected a list of tasks, or an object whose 'data' is one, found "
            f"{shown(cast('object', value))}."
        )
    for number, item in enumerate(cast("list[object]", value), 1):
        yield _record(f"{path.name}:item {number}", item)


def _csv_records(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """The first line's number of each record, and its cells, or what is wrong with it."""
    # A limit of the whole process, which by default is lower than many an answer is long.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    start = last = 0

    def lines() -> Iterator[str]:
        nonlocal last
        for number, line in _lines(path):
            last = number
            yield "" if line is None else line.decode(errors="surrogateescape")

    # Strict: a quote that is never closed would else swallow the rest of the file into one cell.
    reader = csv.reader(lines(), strict=True)
    while True:
        start = last + 1
        try:
            yield start, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield start, f"expected cells with commas between, quoted where needed; found: {error}"


def _csv_header(path: Path) -> tuple[str, ...]:
    for _, cells in _csv_records(path):
        if isinstance(cells, str) or any(map(_is_torn, cells)):
            raise ConfigError(
                f"{path}: expected a first line with the names of the columns, in UTF-8"
            )
        if cells:
            if twice := {name for name in cells if cells.count(name) > 1}:
                raise ConfigError(
                    f"{path}: expected each column once, found twice: {sorted(twice)}."
                )
            return tuple(cells)
    raise ConfigError(
        f"{path}: expected a first line with the names of the columns, found nothing."
    )


def _csv(path: Path) -> Rows:
    header: list[str] | None = None
    try:
        for number, cells in _csv_records(path):
            where = f"{path.name}:{number}"
            if isinstance(cells, str):
                yield BadSeed(where, f"{cells}. Mend or delete the line.")
            elif not cells:
                continue
            elif header is None:
                header = cells
            elif len(cells) != len(header):
                yield BadSeed(
                    where,
                    f"expected {len(header)} cells, found {len(cells)}: {shown(','.join(cells))}. "
                    "Quote cells that hold commas, quotes or line ends.",
                )
            elif any(map(_is_torn, cells)):
                yield BadSeed(where, f"expected UTF-8, found {shown(','.join(cells))}. Convert it.")
            else:
                yield Raw(where, dict(zip(header, cells, strict=True)))
    except _Cut as cut:
        yield cut.seed


def _is_torn(cell: str) -> bool:
    """Whether it held bytes that are no UTF-8."""
    return not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell)


def _parquet(path: Path) -> Rows:
    from understudy.data import parquet

    for number, row in enumerate(parquet.rows(path), 1):
        yield Raw(f"{path.name}:row {number}", row)
