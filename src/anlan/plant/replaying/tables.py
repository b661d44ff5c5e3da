"""A recorded file as batches of columns, CSV or Parquet, and where each row stands in it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from anlan.model.errors import ConfigError

Line = Callable[[int], int]
"""Row of a batch → its line in the file (row number, from 1, of a Parquet file)."""
Batches = Iterator[tuple[pa.RecordBatch, Line]]

BLOCK = 8 << 20
"""Bytes of text that become one batch."""
PARQUET_ROWS = 131_072
KINDS = "*.csv, *.csv.gz, *.parquet"


@dataclass(slots=True)
class RaggedRows:
    """Lines of a CSV file that have more or fewer cells than its header."""

    skip: bool
    lines: list[int] = field(default_factory=list)


def header(file: Path) -> list[str]:
    """Names of the columns. Raises ConfigError."""
    if is_parquet(file):
        return [str(name) for name in _parquet(file).schema_arrow.names]
    with _csv(file, RaggedRows(skip=True)) as reader:
        return [str(name) for name in reader.schema.names]


def batches(file: Path, ragged: RaggedRows, columns: Sequence[str] | None = None) -> Batches:
    """In order; only `columns`, if given. A CSV file's cells are texts as they stand there. Raises ConfigError."""
    return _parquet_batches(file, columns) if is_parquet(file) else _csv_batches(file, ragged, columns)


def is_parquet(file: Path) -> bool:
    return file.suffix.lower() in {".parquet", ".pq"}


def _parquet(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError("cannot be read as Parquet: {why}", file=str(file), why=str(error).split("\n")[0]) from error


def _parquet_batches(file: Path, columns: Sequence[str] | None) -> Batches:
    row = 0
    with _parquet(file) as reader:
        try:
            for batch in reader.iter_batches(PARQUET_ROWS, columns=list(columns) if columns else None):
                yield batch, lambda i, row=row: row + i + 1  # type: ignore[misc]
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise ConfigError("cannot be read as Parquet: {why}", file=str(file), why=str(error).split("\n")[0]) from error


def _csv_batches(file: Path, ragged: RaggedRows, columns: Sequence[str] | None) -> Batches:
    row, dropped = 0, len(ragged.lines)
    with _csv(file, ragged, columns) as reader:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error, ragged) from error
            # Rows with too many or too few cells are not in the batches, but they are in the file.
            gone = ragged.lines[dropped:]
            yield batch, lambda i, row=row, gone=gone: _line(row + i + 2, gone)  # type: ignore[misc]
            row += batch.num_rows


def _line(line: int, gone: Sequence[int]) -> int:
    """The line of a row that would stand at `line` if those `gone` had never been there."""
    for dropped in gone:
        line += dropped <= line
    return line


def _csv(file: Path, ragged: RaggedRows, columns: Sequence[str] | None = None) -> pa.csv.CSVStreamingReader:
    def take(row: pa.csv.InvalidRow) -> str:
        ragged.lines.append(row.number)
        return "skip" if ragged.skip else "error"

    names = list(columns) if columns else None
    try:
        encoding = _encoding(file)
        return pa.csv.open_csv(
            pa.input_stream(str(file), compression="detect"),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK, encoding=encoding),
            # Blank lines are rows, so that line numbers are right; they are dropped as empty ones.
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=take),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names or _names(file, encoding), pa.string()),
                include_columns=names,
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error, ragged) from error


def _names(file: Path, encoding: str) -> list[str]:
    """What the first line names; every column is read as text, so that a wrong cell is ours to explain."""
    with pa.input_stream(str(file), compression="detect") as stream:
        first = stream.read(1 << 16).decode(encoding, "replace").lstrip("\ufeff").split("\n", 1)[0]
    import csv

    return next(iter(csv.reader([first.rstrip("\r")])), [])


def _encoding(file: Path) -> str:
    """UTF-8, or GB 18030 as Chinese Excel writes it."""
    with pa.input_stream(str(file), compression="detect") as stream:
        beginning = stream.read(1 << 16)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _unreadable(file: Path, error: Exception, ragged: RaggedRows) -> ConfigError:
    if ragged.lines and not ragged.skip:
        return ConfigError("the line has more or fewer cells than the header", file=str(file), line=ragged.lines[-1])
    if isinstance(error, FileNotFoundError):
        return ConfigError("there is no such file", file=str(file))
    return ConfigError("cannot be read as CSV: {why}", file=str(file), why=str(error).split("\n")[0])
