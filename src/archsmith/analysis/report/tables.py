"""The report of a study of tables: the columns, the first rows, and the worst mistakes as rows with their values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from archsmith.analysis.report import data, mistakes
from archsmith.analysis.report.mistakes import mistakes_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, from_data, listing, quoted, several, share
from archsmith.data.tables.cells import iso_text

HEAD = 5  # rows that show what the table looks like
MOST_COLUMNS = 100  # that are listed
MOST_SHOWN = 12  # columns of a row that is shown with its values
MOST_TOP = 3  # categories that are named
LONGEST = 40  # letters of a value
LARGEST_WHOLE = 1e15  # that is written with all its digits
MISSING = "missing"
STEP = timedelta(minutes=5)  # to which times of day are told that are not kept exactly
HALF = 0.5  # share of missing values, from which on a column is called so in the lead


@dataclass(frozen=True)
class ColumnRow:
    """One column; numbers as text.

    name: as the table calls it
    kind: ``number`` or ``category``
    missing: the share of training rows without a value
    distinct: how many different values there are
    values: smallest, median and largest number, or the most frequent categories
    """

    name: str
    kind: str
    missing: str
    distinct: str
    values: str


@dataclass(frozen=True)
class Rows:
    """Some rows with their values.

    names: of the columns that are shown
    cells: one row of texts each
    n_hidden: how many columns are not shown
    """

    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    n_hidden: int = 0


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    lead: what stands out
    rows: one for each column
    n_left_out: columns that are not listed
    ignored: (column, why it is not used)
    head: the first training rows
    """

    lead: str
    rows: tuple[ColumnRow, ...]
    n_left_out: int
    ignored: tuple[tuple[str, str], ...]
    head: Rows | None


def describe(study: Study) -> str:
    """``rows of 14 columns (6 numbers, 8 categories)``."""
    columns = _columns(study)
    if not columns:
        return "rows"
    kinds = [str(getattr(column, "kind", "")) for column in columns]
    numbers, categories = kinds.count("number"), kinds.count("category")
    told = [amount(numbers, "number")] if numbers else []
    told += [amount(categories, "category", "categories")] if categories else []
    return f"rows of {amount(len(columns), 'column')}{f' ({listing(told)})' if told else ''}"


def columns_of(study: Study) -> Columns | None:
    """None without the stored data."""
    columns = _columns(study)
    if not columns:
        return None
    rows = tuple(_column(column) for column in columns[:MOST_COLUMNS])
    head = rows_of(study, "train", range(HEAD))
    ignored = tuple((str(each.name), str(each.reason)) for each in getattr(study.splits, "ignored", ()))
    return Columns(_lead(columns, all_used=not ignored), rows, len(columns[MOST_COLUMNS:]), ignored, head)


def _columns(study: Study) -> Sequence[Any]:
    return () if study.splits is None else tuple(getattr(study.splits.train, "columns", ()))


def _column(column: Any) -> ColumnRow:
    distinct = getattr(column, "distinct", None)
    return ColumnRow(
        str(column.name),
        str(getattr(column, "kind", "")),
        share(float(column.missing)) if getattr(column, "missing", 0) else "–",
        "–" if distinct is None else f"{int(distinct):,}",
        _values(column),
    )


def _values(column: Any) -> str:
    """What the column holds."""
    top = getattr(column, "top", ())
    if top:
        named = ", ".join(f"{_cut(value)} ({share(float(part))})" for value, part in tuple(top)[:MOST_TOP])
        more = int(getattr(column, "distinct", 0) or 0) - MOST_TOP
        return named + (f" and {more:,} more" if more > 0 else "")
    ends = [getattr(column, name, None) for name in ("minimum", "median", "maximum")]
    shown = _date if getattr(column, "is_date", False) else from_data
    known = [shown(float(value)) for value in ends if value is not None]
    if len(known) < len(ends):
        return "–"
    low, middle, high = known
    return f"{low} to {high}, median {middle}"


def _date(days: float) -> str:
    """``2024-02-29``, of days since 1970."""
    return iso_text(days)[:10]


def _lead(columns: Sequence[Any], *, all_used: bool) -> str:
    missing = [column for column in columns if (getattr(column, "missing", 0) or 0) > 0]
    if not missing:
        return f"No value is missing{'' if all_used else ' in the columns that are used'}."
    largest = max(float(column.missing) for column in missing)
    worst = [str(column.name) for column in missing if float(column.missing) == largest]
    if len(missing) == 1:
        which = "One column" if all_used else "One column that is used"
        return f"{which} has gaps, {quoted(worst[0])}: {share(largest)} of its values are missing."
    have, whose = ("has", "its values") if len(worst) == 1 else ("have", "the values of each")
    text = (
        f"{len(missing):,} of {amount(len(columns), 'column')}{'' if all_used else ' that are used'} have gaps. "
        f"{several(worst)} {have} most: "
        f"{share(largest)} of {whose} are missing."
    )
    empty = sum(float(column.missing) > HALF for column in missing)
    if not empty:
        return text
    return f"{text} {amount(empty, 'column')} {'lacks' if empty == 1 else 'lack'} more than half of the values."


# Rows with their values


NUMBERED = "Rows have the numbers that a spreadsheet shows, in which the headings count."


@dataclass(frozen=True)
class ShownMistakes:
    """The worst mistakes as rows of the table.

    lead: as of any kind of data
    told: names of what is said of each mistake
    names: of the columns that are shown
    mistakes: (what is said, the values); values are empty where the row cannot be read any more
    n_hidden: how many columns are not shown
    numbered: how the rows are numbered, in a sentence; empty where nobody knows which rows of the table they are
    csv: the mistakes as a link to a CSV file inside the page
    in_csv: which ones are in that file
    """

    lead: str
    told: tuple[str, ...]
    names: tuple[str, ...]
    mistakes: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    n_hidden: int
    numbered: str = ""
    csv: str = ""
    in_csv: str = ""


def shown_mistakes_of(study: Study) -> ShownMistakes | None:
    """None where there are no mistakes, or the predictions were not kept."""
    found = mistakes_of(study)
    if found is None:
        return None
    rows = rows_of(study, "test", [mistake.index for mistake in found.worst])
    if rows is None or len(rows.cells) < len(found.worst):
        rows = Rows((), tuple(() for _ in found.worst))
    places = table_rows_of(study)
    numbers = [[("Row", str(places[mistake.index]))] if mistake.index in places else [] for mistake in found.worst]
    numbered = all(numbers)
    told = [(*(number if numbered else ()), *each.told) for number, each in zip(numbers, found.worst, strict=True)]
    shown = tuple((tuple(text for _, text in each), cells) for each, cells in zip(told, rows.cells, strict=True))
    names = tuple(name for name, _ in told[0])
    csv = mistakes.link(study, {index: str(place) for index, place in places.items()}, "row")
    which = mistakes.linked(study)
    return ShownMistakes(found.lead, names, rows.names, shown, rows.n_hidden, NUMBERED * numbered, csv, which)


def table_rows_of(study: Study) -> dict[int, int]:
    """Which row of the table each row of the test split was; empty where that was not kept."""
    places = None if study.splits is None else getattr(study.splits.test, "places", None)
    return {} if places is None else dict(enumerate(np.asarray(places).tolist()))


def rows_of(study: Study, split: str, indexes: Sequence[int], most: int = MOST_SHOWN) -> Rows | None:
    """Rows of one split with up to ``most`` of their columns; None where they cannot be read."""
    examples = None if study.splits is None else getattr(study.splits, split)
    read = getattr(examples, "rows", None)
    if examples is None or read is None:
        return None
    inside = [index for index in indexes if index < len(examples)]
    if not inside:
        return None
    found: Sequence[Mapping[str, object]] = read(np.asarray(inside, np.int64))
    names = list(found[0])
    shown, gaps = names[:most], {str(column.name): _gap(column) for column in getattr(examples, "columns", ())}
    rough = {str(column.name) for column in getattr(examples, "columns", ()) if _is_rough(column)}
    told = [{name: _about(row.get(name)) if name in rough else row.get(name) for name in shown} for row in found]
    cells = tuple(tuple(_cell(row[name], gaps.get(name, MISSING)) for name in shown) for row in told)
    return Rows(tuple(map(str, shown)), cells, len(names) - len(shown))


def _is_rough(column: Any) -> bool:
    """Is it a column of dates with times of day, which are kept to a minute or two only?"""
    if not getattr(column, "is_date", False) or getattr(column, "offset", 0.0) != 0:
        return False
    ends = (getattr(column, name, None) for name in ("minimum", "median", "maximum"))
    return any(value is not None and not float(value).is_integer() for value in ends)


def _about(value: object) -> object:
    """``≈ 2021-01-01 07:00`` of ``2021-01-01 06:59:02``: float32 days are 169 s apart."""
    if not isinstance(value, str):
        return value
    steps = round((datetime.fromisoformat(value) - datetime.min) / STEP)
    return f"≈ {datetime.min + steps * STEP:%Y-%m-%d %H:%M}"


def _gap(column: Any) -> str:
    """What a value that networks are not told may be. Missing and rare categories have one code."""
    if str(getattr(column, "kind", "")) != "category":
        return MISSING
    rare = int(getattr(column, "distinct", 0) or 0) > len(getattr(column, "categories", ()))
    if bool(getattr(column, "missing", 0)) == rare:
        return f"{MISSING} or rare"
    return "rare" if rare else MISSING


def _cell(value: object, gap: str) -> str:
    """A value as it was read; ``gap`` where there is none."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return gap
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(int(value))  # years and postcodes are no counts: no commas
    if isinstance(value, float | np.floating):
        whole = float(value).is_integer() and abs(float(value)) < LARGEST_WHOLE
        return str(int(value)) if whole else f"{float(value):.6g}"
    return _cut(value)


def _cut(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


SECTIONS = (
    data.section_for(describe),
    Section("columns", "The columns", columns_of),
    Section("mistakes", mistakes.SECTION.title, shown_mistakes_of, template="mistakes_as_rows"),
)
