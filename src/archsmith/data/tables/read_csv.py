"""CSV files as columns of text, read with the standard library alone, so that training and serving see the same cells.

Separators are commas, semicolons, tabs or bars. The encoding is UTF-8, UTF-16 with a byte order mark, or else
Windows-1252; Latin-1 where a byte means nothing in that. A file may be gzipped.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from archsmith.core.errors import DataError
from archsmith.core.files import refuse_bomb, regular_size
from archsmith.core.wording import amount
from archsmith.data.tables.cells import is_missing, short
from archsmith.data.tables.encode import clean_names
from archsmith.data.tables.written import is_number

LARGEST_CSV = 2 * 2**30  # bytes of text, which is held in memory
BLOCK = 1 << 20  # bytes that are looked at together
CHUNK = 10_000  # rows that are read together
SEPARATORS = ",;\t|"
GZIP = b"\x1f\x8b"
WINDOWS, ANY = "cp1252", "latin-1"  # of files that are not UTF-8; the other one reads every byte
NOT_WINDOWS = b"\x81\x8d\x8f\x90\x9d"
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how files of spreadsheet programs begin
FRACTION = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
WORD = re.compile(r"[^\d+\-.<>=~≈]*[^\W\d]")  # what a value of a measurement does not begin with, then a letter
WHOLE = re.compile(r"[+-]?\d+")
BREAK = re.compile(r"\r\n|\r|\n")


class CsvFile:
    """A CSV file. To find its encoding, the whole file is looked at once, a block at a time.

    ``names``: of the columns, in order.
    ``separator``: one of ``,`` ``;`` tab and ``|``.
    ``notes``: what had to be guessed, in sentences.
    ``n_lines``: how many lines end in it, the first included.
    ``gaps``: once its rows were read: of each empty line, how many rows stand before it.
    ``heading_row``: the same: in which row the headings are, below empty lines.
    ``marks``: which of comma, quote and slash are in it.
    """

    def __init__(self, path: Path | str, bounded: bool = True, content: bytes | None = None) -> None:
        """``bounded``: refuse a file that is too large for memory. ``content``: of a file that is in memory, and of
        which ``path`` is but the name. Raises DataError.
        """
        self.path = path
        self.bounded = bounded
        self._content = content
        self.notes: tuple[str, ...] = ()
        self.n_lines = 0
        self.gaps: list[int] = []
        self.heading_row = 1
        self.marks: set[str] = set()
        try:
            with self._plain() as file:
                start = file.read(4)
            self.packed = start.startswith(GZIP)
            self.encoding = self._encoding()
            with self._bytes() as file:
                head = file.read(BLOCK).decode(self.encoding, "ignore")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"The file {str(path)!r} is not a whole gzip file.", "It is probably cut off; write it again."
            ) from error
        except OSError as error:
            raise DataError(
                f"The table {str(path)!r} cannot be read ({error.strerror or error}).",
                "Check the path and its permissions.",
            ) from error
        if not head.strip():
            raise DataError(f"The table {str(path)!r} is empty.", "It was probably not written completely.")
        headings = {separator: _line(head, separator) for separator in SEPARATORS}
        if not any(headings.values()):
            raise DataError(
                f"The first line of {str(path)!r} cannot be read.",
                "It should hold the names of the columns; a quote is probably missing.",
            )
        self.separator = max(SEPARATORS, key=lambda separator: len(headings[separator]))
        self.names = self._names(headings[self.separator], _line(head, self.separator, 1))

    def _plain(self) -> IO[bytes]:
        """The file as it lies there."""
        if self._content is not None:
            return io.BytesIO(self._content)
        regular_size(self.path)
        return open(self.path, "rb")

    def _bytes(self) -> IO[bytes]:
        if not self.packed:
            return self._plain()
        return gzip.open(self.path if self._content is None else io.BytesIO(self._content))  # type: ignore[return-value]

    def _encoding(self) -> str:
        """The encoding in which the whole file can be read. Raises DataError for what is no text."""
        size = regular_size(self.path) if self._content is None else len(self._content)
        with self._bytes() as file:
            mark = file.read(4)
            if mark in WORKBOOKS:
                raise DataError(
                    f"{str(self.path)!r} looks like an Excel workbook or another archive, not like a table of text.",
                    "Open it in its own program and save it as CSV.",
                )
            if mark == b"PAR1":
                raise DataError(f"{str(self.path)!r} is a Parquet file.", "Give it a name that ends in .parquet.")
            encoding = "utf-16" if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
            decoder = codecs.getincrementaldecoder(encoding)()
            n_bytes, decodes, western, block = 0, True, WINDOWS, mark
            while block:
                n_bytes += len(block)
                self.n_lines += block.count(b"\n")
                self.marks.update(mark for mark in ',"/' if mark.encode() in block)
                if self.packed:
                    refuse_bomb(f"The table {str(self.path)!r}", size, n_bytes)
                if self.bounded and n_bytes > LARGEST_CSV:
                    raise DataError(
                        f"The table {str(self.path)!r} has more than {LARGEST_CSV >> 30} GiB of text.",
                        "Store it as Parquet, or give fewer rows.",
                    )
                following = file.read(BLOCK)
                try:
                    text = decoder.decode(block, final=not following) if decodes else ""
                except UnicodeDecodeError:
                    text, decodes = "", False
                if any(byte in block for byte in NOT_WINDOWS):
                    western = ANY
                if "\0" in text or (encoding != "utf-16" and b"\0" in block):
                    raise DataError(
                        f"{str(self.path)!r} is not a table of text: it holds zero bytes, as files of programs do.",
                        "Save the table as CSV.",
                    )
                block = following
        if decodes:
            return encoding
        called = "Windows-1252" if western == WINDOWS else "Latin-1"
        self.notes = (f"{Path(self.path).name!r} is not UTF-8 text and was read as {called}.",)
        return western

    def _names(self, heading: Sequence[str], below: Sequence[str]) -> list[str]:
        where = f"The table {str(self.path)!r}"
        odd = any(FRACTION.fullmatch(name) for name in heading) or _falls(heading)
        if odd and not _heads_numbers(heading, below):
            raise DataError(
                f"The first line of {str(self.path)!r} looks like a row of values.",
                "Put a line with the names of the columns above it, such as age,height,target. If its numbers are "
                "names, put a letter before each, as in w1100.5.",
            )
        return clean_names(heading, where)

    @property
    def is_unclear(self) -> bool:
        """May its cells hold commas or slashes, which can be read in two ways?"""
        return "/" in self.marks or ('"' if self.separator == "," else ",") in self.marks

    def chunks(self, chunk: int = CHUNK, share: bool = True) -> Iterator[dict[str, list[str]]]:
        """All rows below the first line, up to ``chunk`` at a time, as cells by column name. Raises DataError.

        ``share``: equal cells of a column share their memory, which helps where all rows are kept.
        """
        pools: list[dict[str, str]] | None = [{} for _ in self.names] if share else None
        self.gaps, n = [], 0
        with self._bytes() as file:
            reader = self._reader(file)
            try:
                while not next(reader, True):
                    self.gaps.append(0)
                self.heading_row = 1 + len(self.gaps)
                line = reader.line_num
                while rows := list(islice(reader, chunk)):
                    if set(map(len, rows)) != {len(self.names)}:
                        rows = list(self._whole(rows, line, n))
                    line = reader.line_num
                    n += len(rows)
                    if rows:
                        yield self._columns(rows, pools)
            except csv.Error as error:
                reason = "a quote is not closed" if "end of data" in str(error) else str(error)
                if "field larger" in reason:
                    reason = f"a cell is longer than {csv.field_size_limit():,} characters"
                raise DataError(
                    f"Line {self._unread():,} of {str(self.path)!r} cannot be read ({short(reason)}).",
                    "A quote is probably missing, or not doubled inside a quoted value.",
                ) from error

    def _reader(self, file: IO[bytes]) -> Any:
        text = io.TextIOWrapper(file, encoding=self.encoding, newline="")
        return csv.reader(text, delimiter=self.separator, skipinitialspace=True, strict=True)

    def _unread(self) -> int:
        """The line in which the row begins that cannot be read. Where a quote is not closed, it may be a long one."""
        with self._bytes() as file:
            reader = self._reader(file)
            begin = 1
            with contextlib.suppress(csv.Error):
                while next(reader, None) is not None:
                    begin = int(reader.line_num) + 1
        return begin

    def _whole(self, rows: Sequence[list[str]], line: int, n: int) -> Iterator[list[str]]:
        """``rows`` without those of empty lines. ``line`` is the number of the line before them, ``n`` how many rows
        are. Raises DataError for a row that is too short or too long.
        """
        for row in rows:
            line += 1 + sum(len(BREAK.findall(cell)) for cell in row)
            if len(row) == len(self.names):
                n += 1
                yield row
            elif row:
                raise DataError(
                    f"Line {line:,} of {str(self.path)!r} has {amount(len(row), 'value')}, but the first line has "
                    f"{len(self.names):,}.",
                    "Every line needs the same number; values with a separator in them need quotes.",
                )
            elif len(self.names) == 1:
                n += 1
                yield [""]
            else:
                self.gaps.append(n)

    def _columns(self, rows: list[list[str]], pools: list[dict[str, str]] | None) -> dict[str, list[str]]:
        columns = zip(*rows, strict=True)
        if pools is None:
            return dict(zip(self.names, map(list, columns), strict=True))
        return {
            name: [pool.setdefault(text, text) for text in column]
            for name, pool, column in zip(self.names, pools, columns, strict=True)
        }


def _line(text: str, separator: str, place: int = 0) -> list[str]:
    """The cells of a line that is not empty, without blanks around them; none where there is no such line."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        return [cell.strip() for cell in next(islice((row for row in rows if row), place, None), [])]
    except csv.Error:  # a line does not end
        return []


def _heads_numbers(heading: Sequence[str], below: Sequence[str]) -> bool:
    """Does a word stand above a number? Then the first line holds names, and its numbers are names as well, such as
    years or wavelengths.
    """
    pairs = zip(heading, below, strict=False)
    return any(
        WORD.match(name) and not is_missing(name) and is_number(cell) and not is_missing(cell) for name, cell in pairs
    )


def _falls(heading: Sequence[str]) -> bool:
    """Are there whole numbers that do not rise? Names of columns that are years or counts do rise."""
    numbers = [int(name) for name in heading if len(name) < 16 and WHOLE.fullmatch(name)]
    return any(second <= first for first, second in itertools.pairwise(numbers))
