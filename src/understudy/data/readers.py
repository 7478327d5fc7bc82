"""The rows of a seed file, one by one, in any of its formats. `columns.py` decides what they mean.

One row (`.jsonl`, `.csv`) or one batch of rows (`.parquet`) is in memory at a time. A `.json` is one
value and is read whole. A row that cannot be read comes as a `BadSeed` in its place; a file that
cannot be read is a `ConfigError`.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias, cast

import msgspec

from understudy.data.bad_row import BadSeed, preview
from understudy.data.optional import require
from understudy.data.plain import to_plain
from understudy.errors import ConfigError, nearest

LONGEST = 64 * 2**20
"""Most bytes of a line, and characters of a CSV cell. What is longer is skipped and reported."""
_DEEP = 100
"""The number of brackets in a line from which its nesting is checked."""
_BOM = b"\xef\xbb\xbf"
_BUILTIN = Path(__file__).parent / "builtin"


class Raw(NamedTuple):
    """A row as the file has it."""

    where: str
    row: Mapping[str, Any]


Rows: TypeAlias = Iterator[Raw | BadSeed]


class Source(NamedTuple):
    """Where rows come from; they can be read more than once."""

    name: str
    rows: Callable[[], Rows]
    folder: Path = Path()
    """Relative paths in its rows start here."""
    columns: tuple[str, ...] | None = None
    """All its columns, if the format lists them."""


def from_rows(rows: Sequence[Mapping[str, Any]]) -> Source:
    """Rows that are in memory, counted from 1."""

    def number() -> Rows:
        for number, row in enumerate(rows, 1):
            yield Raw(f"row {number}", row)

    return Source("the rows in the recipe", number)


def find_builtin(name: str) -> Path:
    """The file of the tasks that come with the package under this name."""
    path = _BUILTIN / f"{name}.jsonl"
    if not path.is_file():
        names = sorted(file.stem for file in _BUILTIN.glob("*.jsonl"))
        raise ConfigError(
            f"builtin:{name}: expected one of the built-in sets of tasks, found none of that name"
            f"{nearest(name, names)}"
        )
    return path


def from_file(path: Path) -> Source:
    """The rows of a file; its suffix says in which format.

    Raises:
        ConfigError: there is no such file, or its suffix is none of a format.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "none"
        names = [file.name for file in islice(_siblings(path), 10_000)]
        raise ConfigError(f"{path}: expected a file, found {what}{nearest(path.name, names)}")
    kind = path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]
    match "".join(kind).lower():
        case ".jsonl" | ".ndjson" | ".jsonl.gz" | ".ndjson.gz":
            return Source(path.name, lambda: _read_jsonl(path), path.parent)
        case ".json" | ".json.gz":
            return Source(path.name, lambda: _read_json(path), path.parent)
        case ".csv" | ".csv.gz":
            return Source(path.name, lambda: _read_csv(path), path.parent, _read_csv_header(path))
        case ".parquet":
            with require("parquet", path):
                from understudy.data import parquet
            columns = parquet.read_columns(path)
            return Source(path.name, lambda: _read_parquet(path), path.parent, columns)
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


def _read_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None instead of a line that is too long.

    Raises:
        _Cut: the rest of a compressed file is damaged.
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


def _read_jsonl(path: Path) -> Rows:
    try:
        for number, line in _read_lines(path):
            where = f"{path.name}:{number}"
            if line is None:
                yield BadSeed(where, f"expected a line of at most {LONGEST:,} bytes, found more.")
            elif text := line.strip():
                yield _decode(where, text)
    except _Cut as cut:
        yield cut.seed


def _decode(where: str, text: bytes) -> Raw | BadSeed:
    try:
        return _wrap(where, _parse(text))
    except ValueError as error:
        return BadSeed(where, f"{error}; found {preview(text)}. Fix or delete the line.")


def _parse(text: bytes) -> object:
    """
    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        try:
            text.decode()
        except UnicodeDecodeError as other:
            byte = f"byte {other.start + 1} of the line"
            raise ValueError(f"expected UTF-8, but {byte} is not") from error
        raise ValueError(f"expected one JSON object ({error})") from error
    except RecursionError as error:
        raise ValueError("expected JSON that is not nested thousands deep") from error
    if text.count(b"[") + text.count(b"{") > _DEEP:
        to_plain(value)
    return value


def _wrap(where: str, value: object) -> Raw | BadSeed:
    if isinstance(value, Mapping):
        return Raw(where, cast("Mapping[str, Any]", value))
    return BadSeed(where, f"expected one JSON object, found {preview(value)}. Fix or delete it.")


def _read_json(path: Path) -> Rows:
    with _open(path) as file:
        try:
            text = file.read().removeprefix(_BOM).strip()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ConfigError(f"{path}: expected a whole gzip file, found {error}.") from error
    if not text:
        return
    try:
        value = _parse(text)
    except ValueError as error:
        first = text.partition(b"\n")[0]
        if isinstance(_decode("", first.strip()), Raw):  # JSON Lines under the wrong name
            yield from _read_jsonl(path)
            return
        raise ConfigError(
            f"{path}: {error}. A file of one object a line is named .jsonl."
        ) from error
    if isinstance(value, dict) and "data" in value:
        value = cast("dict[str, object]", value)["data"]
    if not isinstance(value, list):
        raise ConfigError(
            f"{path}: expected a list of tasks, or an object whose 'data' is one, found "
            f"{preview(cast('object', value))}."
        )
    for number, item in enumerate(cast("list[object]", value), 1):
        yield _wrap(f"{path.name}:item {number}", item)


def _read_csv_records(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """Of each record the number of its first line, and its cells or what is wrong with it."""
    # A limit of the whole process. Its default is lower than the length of many answers.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    start = last = 0

    def lines() -> Iterator[str]:
        nonlocal last
        for number, line in _read_lines(path):
            last = number
            yield "" if line is None else line.decode(errors="surrogateescape")

    # Strict: otherwise a quote that is never closed makes one cell of the rest of the file.
    reader = csv.reader(lines(), strict=True)
    while True:
        start = last + 1
        try:
            yield start, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield start, f"expected cells with commas between, quoted where needed; found: {error}"


def _read_csv_header(path: Path) -> tuple[str, ...]:
    for _, cells in _read_csv_records(path):
        if isinstance(cells, str) or any(map(_is_torn, cells)):
            raise ConfigError(
                f"{path}: expected a first line with the names of the columns, in UTF-8"
            )
        if cells:
            if repeats := {name for name in cells if cells.count(name) > 1}:
                raise ConfigError(
                    f"{path}: expected each column once, found twice: {sorted(repeats)}."
                )
            return tuple(cells)
    raise ConfigError(
        f"{path}: expected a first line with the names of the columns, found nothing."
    )


def _read_csv(path: Path) -> Rows:
    header: list[str] | None = None
    try:
        for number, cells in _read_csv_records(path):
            where = f"{path.name}:{number}"
            if isinstance(cells, str):
                yield BadSeed(where, f"{cells}. Fix or delete the line.")
            elif not cells:
                continue
            elif header is None:
                header = cells
            elif len(cells) != len(header):
                yield BadSeed(
                    where,
                    f"expected {len(header)} cells, found {len(cells)}: {preview(','.join(cells))}. "
                    "Quote cells that hold commas, quotes or line ends.",
                )
            elif any(map(_is_torn, cells)):
                yield BadSeed(
                    where, f"expected UTF-8, found {preview(','.join(cells))}. Convert it."
                )
            else:
                yield Raw(where, dict(zip(header, cells, strict=True)))
    except _Cut as cut:
        yield cut.seed


def _is_torn(cell: str) -> bool:
    """Whether it held bytes that are not UTF-8."""
    return not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell)


def _read_parquet(path: Path) -> Rows:
    from understudy.data import parquet

    for number, row in enumerate(parquet.read_rows(path), 1):
        yield Raw(f"{path.name}:row {number}", row)
