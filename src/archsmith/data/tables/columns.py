"""What the columns of a table hold: numbers, categories, or nothing of use. Only training rows decide.

All columns of categories share one table of codes, so that a network needs one embedding. Column j has the codes from
``code_offsets[j]`` on. Its first code stands for all values that are missing, rare or unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import (
    COMMA,
    DATE,
    DATES,
    DAY_FIRST,
    LARGEST,
    MONTH_FIRST,
    NUMBERS,
    PLAIN,
    TEXTS,
    Raw,
    Repeated,
    canonical,
    is_padded,
    iso_text,
    number_text,
    short,
)
from archsmith.data.tables.column_notes import Ignored, Seen
from archsmith.data.tables.written import (
    DATE_WAYS,
    NUMBER_WAYS,
    Evidence,
    is_guess,
    is_signed,
    unclear,
    value_of,
    way_of,
)

NUMBER, CATEGORY = "number", "category"
WRITTEN = (*NUMBER_WAYS, *DATE_WAYS)
MOST_CATEGORIES = 1_000
FEWEST_SEEN = 2  # training rows that a category needs
TOP = 5  # categories whose shares are listed
ID_SHARE = 0.9  # a column with more different texts than this share of its values holds names of rows
FEW = 20  # different texts that no column is too small for
MOSTLY = 0.8  # a column with at least this share of numbers among its values is meant to hold numbers
PARTLY = 0.5  # from this share on, of the values or of the different ones, categories that are numbers are noted
SOME = 0.2  # of the values; with fewer numbers, the texts are what the column is about
MERGED_SHARE = 0.01  # of the different values, which float32 may merge
EMPTY, CONSTANT = "has no values", "has a single value"
SIGNED = "holds numbers with a sign beside them; leave it out to have them read"
UNCLEAR = "holds dates of which nothing says whether the day or the month comes first; write them like 2023-04-03"
SPARSE = "has another text in nearly every row where it is not empty"
ALONE = "has a value in one training row only"
UNNAMED = re.compile(r"Unnamed: \d+")  # what an empty heading becomes
ROW_NAMES = frozenset(("id", "index", "row", "row_id", "rowid", "unnamed: 0"))


@dataclass(frozen=True)
class Column:
    """One column that networks learn from. All figures come from training rows.

    ``name``: its heading.
    ``kind``: ``number`` or ``category``.
    ``missing``: share of rows without a value, 0 to 1.
    ``distinct``: how many different values there are.
    ``minimum``: of a number, in its own unit; None for a category.
    ``median``: the same.
    ``maximum``: the same.
    ``categories``: the texts that have a code of their own, the most frequent first.
    ``top``: the most frequent categories and their shares of all rows.
    ``offset``: subtracted from a number before it is rounded to float32; 0 where float32 can tell the values apart.
    ``written``: how numbers are written as text: ``plain`` (1234.5), ``grouped`` (1,234.5), ``comma`` (1.234,5),
        ``mixed`` (1234.5 and 1234,5), or, as dates that are taken as days since 1970, ``date`` (1970-01-31),
        ``day_first`` (31.01.1970 or 31/01/1970) or ``month_first`` (01/31/1970).
    ``marks``: which marks the texts had that can be read in two ways: ``.`` between thousands, ``/`` in dates.
    """

    name: str
    kind: str
    missing: float = 0.0
    distinct: int = 0
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    top: tuple[tuple[str, float], ...] = ()
    offset: float = 0.0
    written: str = PLAIN
    marks: str = ""

    @property
    def is_date(self) -> bool:
        """Does it hold dates, as days since 1970?"""
        return self.written in DATE_WAYS

    @property
    def n_codes(self) -> int:
        """How many codes a column of categories has: one for each text, and one for all other values."""
        return 1 + len(self.categories) if self.kind == CATEGORY else 0

    def to_dict(self) -> dict[str, Any]:
        """JSON. Fields with their default value are left out."""
        found = {"name": self.name, "kind": self.kind}
        for row in fields(self)[2:]:
            value = getattr(self, row.name)
            if value != row.default:
                found[row.name] = value
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Column:
        """From what ``to_dict`` gave. Raises TypeError, ValueError or KeyError for anything else."""
        values = dict(data)
        values["categories"] = tuple(values.get("categories", ()))
        values["top"] = tuple((text, float(share)) for text, share in values.get("top", ()))
        for name in ("missing", "minimum", "median", "maximum", "offset"):
            if values.get(name) is not None:
                values[name] = float(values[name])
        values["distinct"] = int(values.get("distinct", 0))
        texts = (values["name"], *values["categories"], *(text for text, _ in values["top"]))
        if not all(isinstance(text, str) for text in (*texts, values.get("marks", ""))):
            raise TypeError("a name of a column or a category is no text")
        if values["kind"] not in (NUMBER, CATEGORY) or values.get("written", PLAIN) not in WRITTEN:
            raise ValueError(f"a column is of the kind {values['kind']!r}")
        return cls(**values)


@dataclass(frozen=True)
class Fitted:
    """What ``columns_of`` decided.

    ``columns``: the columns that are used, in the order of the table.
    ``ignored``: the other columns.
    ``notes``: what was converted, in sentences.
    """

    columns: tuple[Column, ...]
    ignored: tuple[Ignored, ...]
    notes: tuple[str, ...]


def numbers_of(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of numbers."""
    return tuple(column for column in columns if column.kind == NUMBER)


def categories_of(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of categories."""
    return tuple(column for column in columns if column.kind == CATEGORY)


def code_offsets(columns: Sequence[Column]) -> tuple[int, ...]:
    """The first code of each column of categories."""
    offsets = [0]
    for column in categories_of(columns):
        offsets.append(offsets[-1] + column.n_codes)
    return tuple(offsets[:-1])


def n_codes(columns: Sequence[Column]) -> int:
    """How many codes all columns of categories have together."""
    return sum(column.n_codes for column in columns)


def columns_of(
    table: Mapping[str, Raw],
    train: NDArray[np.int64],
    *,
    ignored: Sequence[Ignored] = (),
    categorical: frozenset[str] = frozenset(),
    decimal_commas: bool | None = None,
    separator: str = "",
    where: Callable[[int], str] | None = None,
) -> Fitted:
    """What each column of ``table`` holds, by the rows ``train``. Raises DataError for a column of numbers with a few
    texts in it, and when no column is of use.

    ``ignored``: other columns, which are known to be of no use.
    ``categorical``: names of columns that are categories, whatever they hold.
    ``decimal_commas``: has the table numbers with decimal commas? None where that is not known.
    ``separator``: of the CSV file; empty for other tables.
    ``where``: names a row in messages.
    """
    seen = Seen()
    habits = Habits(decimal_commas, separator, where or (lambda row: f"row {row + 1:,}"))
    columns: list[Column] = []
    unused = list(ignored)
    for name, values in table.items():
        found = _fit(name, values, train, name in categorical, habits, seen)
        if isinstance(found, Column):
            columns.append(found)
            if UNNAMED.fullmatch(name):
                seen.unnamed.append(name)
        else:
            unused.append(found)
    notes = seen.notes(unused)
    if not columns:
        reasons = "; ".join(f"{short(entry.name)!r} {entry.reason}" for entry in unused[:3]) or "there are none"
        raise DataError(f"No column can be learnt from: {reasons}.", "Give a table with columns that differ by row.")
    return Fitted(tuple(columns), tuple(unused), notes)


@dataclass(frozen=True)
class Habits:
    """Of a table.

    ``commas``: has it decimal commas? None where it does not tell.
    ``separator``: of a CSV file; empty for other tables.
    ``where``: names a row.
    """

    commas: bool | None
    separator: str
    where: Callable[[int], str]


def _fit(
    name: str, whole: Raw, train: NDArray[np.int64], is_category: bool, habits: Habits, seen: Seen
) -> Column | Ignored:
    counts: Counter[str] = Counter()
    values, marks = whole.take(train), ""
    if values.form == TEXTS:
        counts = _marks(name, Counter(values.values), seen)
        way = None if is_category else _written(name, counts, whole, train, habits, seen)
        if way is None:
            return _category(name, counts, len(values), seen)
        written, marks = way
        numbers = {text: value_of(text, written, marks) for text in counts}
        array = np.array([numbers.get(text.strip(), np.nan) for text in values.values], np.float64)
    else:
        array, written = np.asarray(values.values, np.float64), DATE if values.form == DATES else PLAIN
        if np.isnan(array).any():
            seen.missing.setdefault("empty cells", []).append(name)
    if is_category and values.form == NUMBERS:
        return _category(name, Counter(map(number_text, values.values[~np.isnan(array)])), len(values), seen)
    found = _number(name, array, written, marks, seen)
    if found is None:  # a column with one value, or none, in each row holds categories
        as_text = iso_text if values.form == DATES else number_text
        texts = counts if values.form == TEXTS else Counter(map(as_text, array[np.isfinite(array)].tolist()))
        seen.points = [other for other in seen.points if other != name]  # it has no numbers after all
        return _category(name, texts, len(values), seen)
    return found


def _marks(name: str, counts: Counter[str], seen: Seen) -> Counter[str]:
    """The stripped texts that are values. Texts that mark missing values are noted."""
    found: Counter[str] = Counter()
    marks = set()
    for text, count in counts.items():
        text = text.strip()
        if canonical(text) is None:
            marks.add(repr(text) if text else "empty cells")
        else:
            found[text] += count
    for mark in marks:
        seen.missing.setdefault(mark, []).append(name)
    return found


def _written(
    name: str, counts: Counter[str], whole: Raw, train: NDArray[np.int64], habits: Habits, seen: Seen
) -> tuple[str, str] | None:
    """How the numbers in a column of texts are written, and their marks; None for a column of categories. Raises
    DataError for a column of numbers with a few texts in it.

    ``counts``: of the different texts in training rows. ``whole``: the column, whose other rows tell as well.
    """
    if not counts:
        return PLAIN, ""
    if is_padded(counts):
        return None
    best: tuple[int, str, str] = (0, PLAIN, "")
    for dates in (False, True):
        evidence = Evidence.of(different(whole), dates)
        written, marks = way = way_of(evidence, habits.commas, habits.separator)
        if not written:
            if not evidence.other:
                seen.ambiguous.append(name)
                return None
            continue
        own = [text for text in counts if value_of(text, written, marks) is not None]
        if len(own) == len(counts):
            if is_guess(evidence, way, habits.commas, habits.separator):
                seen.points.append(name)
            return written, _shown_marks(written, counts)
        if not evidence.other:
            at = next(place for place in train.tolist() if value_of(whole.values[place], written, marks) is None)
            raise unclear(name, habits.where(at), whole.values[at], dates)
        best = max(best, (sum(counts[text] for text in own), written, marks), key=lambda entry: entry[0])
    texts = {text for text in counts if value_of(text, *best[1:]) is None}
    what = "dates" if best[1] in DATE_WAYS else "numbers"
    share = best[0] / counts.total()
    if share < MOSTLY:
        if share >= PARTLY or (share >= SOME and len(counts) - len(texts) >= PARTLY * len(counts)):
            seen.partly[name] = what, max(sorted(texts), key=lambda text: counts[text])
        return None
    values = whole.take(train)
    at = next(i for i, text in enumerate(values.values) if text.strip() in texts)
    raise DataError(
        f"The column {name!r} holds {what}, but {habits.where(int(train[at]))} says {values.shown(at)}.",
        "Correct the value, or leave the cell empty (a missing value). If its numbers are names, make the column a "
        "category in a data frame, or begin each of them with a letter.",
    )


def _shown_marks(written: str, texts: Iterable[str]) -> str:
    """The mark that can be read in two ways, where ``texts`` show in which way it is meant."""
    mark = {COMMA: ".", DAY_FIRST: "/", MONTH_FIRST: "/"}.get(written, "")
    return mark if mark and any(mark in text for text in texts) else ""


def different(values: Raw) -> Sequence[str]:
    """The texts of a column, some of them once only."""
    found: Sequence[str] = values.values.texts if isinstance(values.values, Repeated) else values.values
    return found


def _number(name: str, values: NDArray[np.float64], written: str, marks: str, seen: Seen) -> Column | Ignored | None:
    """What a column of numbers is; None when it has one value, and that is missing in some rows."""
    beyond = np.abs(values) > LARGEST
    present = values[~(beyond | np.isnan(values))]
    if beyond.any():
        seen.beyond.append(name)
    missing = 1 - len(present) / max(1, len(values))
    if not len(present):
        return Ignored(name, EMPTY)
    different = np.unique(present)
    if len(different) == 1:
        return None if missing else Ignored(name, CONSTANT)
    if name.lower() in ROW_NAMES and len(different) == len(values) and _rising(values):
        return Ignored(name, "counts the rows")
    if written == PLAIN and len(different) == len(values) > FEW and _rising(values):
        seen.rising.append(name)
    offset = float(np.median(present)) if _merges(different) else 0.0
    if offset:
        seen.shifted.append(name)
    if written != PLAIN:
        seen.written.setdefault(written, []).append(name)
    return Column(
        name,
        NUMBER,
        missing,
        len(different),
        float(different[0]),
        float(np.median(present)),
        float(different[-1]),
        offset=offset,
        written=written,
        marks=marks,
    )


def _rising(values: NDArray[np.float64]) -> bool:
    """Are these whole numbers, each larger than the one before?"""
    return bool((values == np.round(values)).all() and (np.diff(values) > 0).all())


def _merges(different: NDArray[np.float64]) -> bool:
    """Does rounding to float32 merge more than a few of these sorted, different values?"""
    rounded = different.astype(np.float32)
    return int((np.diff(rounded) == 0).sum()) > MERGED_SHARE * len(different)


def _category(name: str, counts: Counter[str], n: int, seen: Seen) -> Column | Ignored:
    merged: Counter[str] = Counter()
    for text, count in counts.items():
        merged[canonical(text) or ""] += count
    present = merged.total()
    if not present:
        return Ignored(name, EMPTY)
    if len(merged) == 1 and present == n:
        return Ignored(name, CONSTANT)
    order = sorted(merged, key=lambda text: (-merged[text], text))
    signed = sum(merged[text] for text in order if is_signed(text)) >= MOSTLY * present
    kept = [text for text in order if merged[text] >= FEWEST_SEEN][:MOST_CATEGORIES]
    if not kept or (len(merged) > FEW and len(merged) > ID_SHARE * present):
        reason = SPARSE if present < ID_SHARE * n else "has another text in nearly every row"
        if present == 1:
            reason = ALONE
        return Ignored(name, SIGNED if signed else UNCLEAR if name in seen.ambiguous else reason)
    if signed:
        seen.signed[name] = next(text for text in order if is_signed(text))
    _note_cases(name, order, seen)
    if len(kept) < len(merged):
        n_rare = present - sum(merged[text] for text in kept)
        (seen.scattered if n_rare > present / 2 else seen.rare).append(name)
    top = tuple((text, merged[text] / n) for text in order[:TOP])
    return Column(name, CATEGORY, 1 - present / n, len(merged), categories=tuple(kept), top=top)


def _note_cases(name: str, texts: Sequence[str], seen: Seen) -> None:
    """Note the first two ``texts`` that differ by small and capital letters only."""
    before: dict[str, str] = {}
    for text in texts:
        other = before.setdefault(text.casefold(), text)
        if other != text:
            seen.cases[name] = (other, text)
            return
