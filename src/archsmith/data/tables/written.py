"""How the numbers and dates of a table are written. Training and serving decide it here, so that they agree.

Most values can be read in one way only: 3.5 has a decimal point, 3,5 a decimal comma, and 31/12/2024 the day first.
Those are read whatever the others look like. Some can be read in two ways: 1.234 is a little more than one or more than
a thousand, and 3/4/2024 is in April or in March. Their column decides, by its other values; else the file does, by its
other columns and its separator. Where a network was trained already, what its training table showed comes last.
Whatever is still unclear then is refused, since one of the two is a thousand times the other.

numpy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from archsmith.core.errors import DataError
from archsmith.data.tables.cells import (
    COMMA,
    DATE,
    DAY_FIRST,
    GROUPED,
    MIXED,
    MONTH_FIRST,
    PLAIN,
    is_missing,
    iso_text,
    parsed,
    short,
)

NUMBER_WAYS, DATE_WAYS = (PLAIN, GROUPED, COMMA, MIXED), (DATE, DAY_FIRST, MONTH_FIRST)
SIGNS = "%€$£¥ \u00a0"
MARKS = ".,/"  # that make some values ambiguous
MOST_EXAMPLES = 100
NO_WAY = "", ""  # of a column that is not known to hold numbers
TARGETS = {COMMA: "as 1.234,5", GROUPED: "as 1,234.5", MIXED: "partly with decimal points, partly with commas"}


def both(text: str, dates: bool) -> tuple[float | None, float | None]:
    """What ``text`` is with decimal points and with decimal commas; of dates, with the day and with the month first.
    None where it cannot be read that way, NaN where the value is missing.
    """
    ways = (DAY_FIRST, MONTH_FIRST) if dates else (GROUPED, COMMA)
    return parsed(text, ways[0]), parsed(text, ways[1])


def is_either(text: str, dates: bool) -> bool:
    """Can ``text`` be read in two ways that differ?"""
    first, second = both(text, dates)
    return first is not None and second is not None and first == first and first != second


def clear_text(number: float, digits: int = 12) -> str:
    """``number`` with a decimal point and so many ``digits``, so that it can be read in one way only."""
    text = f"{number:.{digits}g}"
    return f"{text}0" if is_either(text, dates=False) else text  # one more zero makes a fraction clear


def value_of(text: str, written: str, marks: str = "") -> float | None:
    """The number that ``text`` stands for in a column: NaN when it is missing; None when it is none, or may be one or
    another.

    ``written``: how the column is written.
    ``marks``: which of ``.`` between thousands and ``/`` in dates the column is known to have.
    """
    first, second = both(text, written in DATE_WAYS)
    if first is None or second is None or first == second or first != first:
        return second if first is None else first
    if written == GROUPED or (written == PLAIN and "," not in text):
        return first
    if written == COMMA:
        return second if "," in text or "." in marks else None
    if written in (DAY_FIRST, MONTH_FIRST) and "/" in marks:
        return first if written == DAY_FIRST else second
    return None


def unclear(name: str, where: str, text: str, dates: bool) -> DataError:
    """For a value that can be read in two ways. ``name``: of its column. ``where``: its row, as people call it."""
    meanings = [each or 0.0 for each in both(text, dates)]
    meant = " or ".join(map(iso_text if dates else "{:.15g}".format, meanings))
    if dates:
        hint = "Write dates like 2024-12-31."
    else:
        hint = f"Write {' or '.join(clear_text(each, 15) for each in meanings)}."
    return DataError(f"The column {name!r} says {short(text)!r} in {where}, which may mean {meant}.", hint)


def target_texts(
    texts: Sequence[str],
    name: str,
    commas: bool | None,
    separator: str,
    where: Callable[[int], str] = "row {}".format,
    learnt: tuple[str, str] = NO_WAY,
) -> tuple[Sequence[str], tuple[str, ...], tuple[str, str]]:
    """The targets in the column ``name`` with plain decimal points, where they are numbers that are written in another
    way, else as they are; notes of how they were read; and how they are written, with the marks that they show. Raises
    DataError for one that may be one or another.

    ``commas``, ``separator``: as in ``way_of``. ``where`` names a row. ``learnt``: how training targets were written,
    and their marks.
    """
    seen = Evidence.of(texts)
    way = way_of(seen, commas, separator, *learnt)
    if seen.other:
        return texts, (), NO_WAY
    known = {text: value_of(text, *way) for text in set(texts)}
    for row, text in enumerate(texts):
        if known[text] is None:
            raise unclear(name, where(row), text, dates=False)
    if way[0] not in TARGETS:
        return texts, (points_note(repr(name)),) if is_guess(seen, way, commas, separator) else (), way
    plain = [text if is_missing(text.strip()) else repr(known[text]) for text in texts]
    shown = way[1] if any(way[1] in text for text in known) else ""
    return plain, (f"The targets in {name!r} are numbers written {TARGETS[way[0]]}.",), (way[0], shown)


@dataclass
class Evidence:
    """What the values of a column tell of how they are written.

    ``dates``: are they taken for dates, rather than for numbers?
    ``first``: is there one that needs decimal points, or the day first?
    ``second``: is there one that needs decimal commas, or the month first?
    ``either``: marks in values that can be read in both ways.
    ``examples``: some values that can be read in both ways.
    ``groups``: is there one such as 1,234.5?
    ``known``: is there a value at all?
    ``other``: is there one that cannot be read?
    """

    dates: bool = False
    first: bool = False
    second: bool = False
    either: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    groups: bool = False
    known: bool = False
    other: bool = False

    @classmethod
    def of(cls, texts: Iterable[str], dates: bool = False) -> Evidence:
        """What all values of one column tell."""
        found = cls(dates)
        for text in set(texts):
            found._one(text)
        return found

    def look(self, texts: Iterable[str]) -> None:
        """Take in some more values of a column that holds numbers or dates, and only those that can tell anything."""
        if self.first and self.second:  # all values that can be read in two ways stay unclear
            return
        mark = "" if self.dates else "," if self.first else "." if self.second else ""
        for text in set(texts):
            if mark in text:
                self._one(text)

    def _one(self, text: str) -> None:
        text = text.strip()
        if is_missing(text):
            return
        self.known = True
        first, second = both(text, self.dates)
        if first is None or second is None:
            self.other = self.other or first is second
            self.first, self.second = self.first or first is not None, self.second or second is not None
            self.groups = self.groups or (first is not None and "," in text)
        elif first != second:
            self.either.update(mark for mark in MARKS if mark in text)
            if len(self.examples) < MOST_EXAMPLES:
                self.examples.append(text)

    @property
    def is_clear(self) -> bool:
        """Does it tell of one way and not of the other?"""
        return self.known and not self.other and self.first != self.second


def commas_of(columns: Iterable[Evidence]) -> bool | None:
    """Have the numbers of a table decimal commas? None where its columns do not tell, or differ."""
    told = {column.second for column in columns if column.is_clear and not column.dates}
    return told.pop() if len(told) == 1 else None


def way_of(seen: Evidence, commas: bool | None, separator: str, known: str = "", marks: str = "") -> tuple[str, str]:
    """How a column is written, and its marks.

    ``commas``: what the table tells, see ``commas_of``.
    ``separator``: of the CSV file; empty for other tables.
    ``known``, ``marks``: how the column was written in training rows; empty while these are read.
    """
    if seen.dates:
        return _way_of_dates(seen, known, marks)
    if not seen.first and not seen.second and not seen.either:
        return known or PLAIN, marks
    if seen.first and seen.second:
        return MIXED, ""
    if not (seen.first or seen.second):
        if commas is None and {".", ","} <= seen.either:
            return MIXED, ""
        if commas is None:
            return _unclear(seen, separator, known, marks)
    if seen.second or (not seen.first and commas):
        return COMMA, "."
    return (GROUPED if seen.groups or "," in seen.either else PLAIN), ""


def is_number(text: str) -> bool:
    """Is ``text`` a number in any way, or missing?"""
    return any(each is not None for each in both(text, dates=False))


def is_signed(text: str) -> bool:
    """Is ``text`` a number with a sign for parts or money beside it, such as 45.3%? Those are not read, since 45.3% and
    0.453, or 12 € and 12 $, would be different numbers in one column or the same.
    """
    text = text.strip()
    bare = text.strip(SIGNS)
    return bare not in ("", text) and is_number(bare)


def is_guess(seen: Evidence, way: tuple[str, str], commas: bool | None, separator: str) -> bool:
    """Are there points that are taken for fractions although nothing says so? In a file with commas between values
    they are fractions: 1.234 with a point between thousands goes with decimal commas. See ``way_of``.
    """
    return "." in seen.either and not seen.first and way[0] == PLAIN and commas is None and separator not in ("", ",")


def points_note(columns: str) -> str:
    """What is said where ``is_guess``. ``columns``: their names."""
    return (
        f"Numbers such as 1.234 are taken for fractions in {columns}: nothing says that the point stands between "
        "thousands. If it does, write them like 1234."
    )


def _unclear(seen: Evidence, separator: str, known: str, marks: str) -> tuple[str, str]:
    """The same where neither the column nor the table tells."""
    if "." in seen.either:
        if known == COMMA and separator == ",":  # that file would write fractions with points
            return COMMA, ""
        return known or PLAIN, marks
    if known in (COMMA, GROUPED):
        return known, marks
    if separator == ";":  # which separates where the comma is taken
        return COMMA, ""
    return known or GROUPED, marks


def _way_of_dates(seen: Evidence, known: str, marks: str) -> tuple[str, str]:
    if seen.first and seen.second:
        return DATE, ""
    if seen.second:
        return MONTH_FIRST, "/"
    if seen.first and seen.either:
        return DAY_FIRST, "/"
    if seen.either:
        return (known, marks) if known else ("", "")
    return known or (DAY_FIRST if seen.first else DATE), marks
