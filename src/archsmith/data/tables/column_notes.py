"""What a person should know of how columns were read, in sentences, and the columns that are not used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from archsmith.data.tables.cells import (
    COMMA,
    DATE,
    DAY_FIRST,
    GROUPED,
    LARGEST,
    MIXED,
    MONTH_FIRST,
    short,
)
from archsmith.data.tables.written import points_note

# Headings of columns that name things: customer_id, "Order No.", userId, sku_code.
NAMES = re.compile(r"(?i:(^|[\W_])(id|uid|uuid|guid|key|no|nr|code|name)\W*$)|[a-z]I[dD]$")


@dataclass(frozen=True)
class Ignored:
    """A column that is not used.

    ``name``: its heading.
    ``reason``: why, as the end of a sentence that begins with the name.
    """

    name: str
    reason: str


@dataclass
class Seen:
    """What is worth a note.

    ``missing``: columns by the text that marks missing values in them.
    ``written``: columns of texts by the way in which their numbers are written.
    ``rare``: columns with values that are too rare for a code of their own.
    ``scattered``: columns in which more than half of the values are that rare.
    ``beyond``: columns with infinite or too large values.
    ``shifted``: columns that have an offset.
    ``ambiguous``: columns of dates of which nothing says whether day or month comes first.
    ``points``: columns of numbers of which nothing says whether their points stand before fractions.
    ``signed``: a value of columns of numbers with a sign beside them.
    ``partly``: of columns with numbers (or dates) and texts, which is what they are and the most frequent text.
    ``rising``: columns of whole numbers that rise from each row to the next.
    ``unnamed``: columns without a heading.
    ``cases``: of columns, two categories that differ by small and capital letters only.
    """

    missing: dict[str, list[str]] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)
    rare: list[str] = field(default_factory=list)
    scattered: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    shifted: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    signed: dict[str, str] = field(default_factory=dict)
    partly: dict[str, tuple[str, str]] = field(default_factory=dict)
    rising: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    cases: dict[str, tuple[str, str]] = field(default_factory=dict)

    def notes(self, ignored: Sequence[Ignored]) -> tuple[str, ...]:
        notes = []
        if self.unnamed:
            notes.append(f"No heading: what the table calls nothing is called {listed(self.unnamed)}.")
        if self.missing:
            where = "; ".join(f"{mark} in {listed(names)}" for mark, names in sorted(self.missing.items()))
            notes.append(f"Missing values in training rows: {where}.")
        for written, meaning in (
            (GROUPED, "Numbers are written with commas between thousands (1,234.5) in"),
            (COMMA, "Numbers are written with decimal commas (1.234,5) in"),
            (MIXED, "Some numbers are written with decimal points, and some with decimal commas, in"),
            (DATE, "Dates became days since 1970 in"),
            (DAY_FIRST, "Dates such as 31.12.2024 (day, month, year) became days since 1970 in"),
            (MONTH_FIRST, "Dates such as 12/31/2024 (month, day, year) became days since 1970 in"),
        ):
            if written in self.written:
                notes.append(f"{meaning} {listed(self.written[written])}.")
        if self.points:
            notes.append(points_note(listed(self.points)))
        if self.beyond:
            notes.append(f"Values that are infinite or beyond {LARGEST:g} count as missing in {listed(self.beyond)}.")
        if self.shifted:
            notes.append(f"Large numbers that differ little are measured from the median in {listed(self.shifted)}.")
        unused = {entry.name for entry in ignored}
        if ambiguous := [name for name in self.ambiguous if name not in unused]:
            notes.append(
                f"Dates such as 3/4/2023 are taken as categories in {listed(ambiguous)}: nothing says whether the "
                "day or the month comes first. Write them like 2023-04-03."
            )
        for name, text in self.signed.items():
            notes.append(
                f"Numbers with a sign beside them, such as {short(text)!r} in {short(name)!r}, are taken for texts. "
                "Leave the sign out, so that they are read as numbers."
            )
        for name, (what, text) in self.partly.items():
            notes.append(
                f"Many values of {short(name)!r} are {what}, but because of others such as {short(text)!r} all are "
                f"taken for texts. Leave those cells empty to have the {what} read."
            )
        if self.rising:
            notes.append(
                f"Whole numbers rise from each row to the next in {listed(self.rising)}. If they only name the rows, "
                "leave them out with --ignore."
            )
        for name, (one, other) in self.cases.items():
            notes.append(
                f"{short(one)!r} and {short(other)!r} are two categories in {short(name)!r}. If they mean the same, "
                "write them alike."
            )
        if self.rare:
            notes.append(f"Rare values are taken together in {listed(self.rare)}.")
        names = [name for name in self.scattered if NAMES.search(name)]
        if names:
            notes.append(
                f"The values seem to be names in {listed(names)}: most are rare, and those of new rows will be "
                "unknown. They tell little, so leave them out with --ignore."
            )
        if others := [name for name in self.scattered if name not in names]:
            notes.append(
                f"Most values are rare, and tell little, in {listed(others)}. If they are dates or numbers, "
                "write them like 2021-10-25, 25.10.2021 or 12.5."
            )
        by_reason: dict[str, list[str]] = {}
        for entry in ignored:
            by_reason.setdefault(entry.reason, []).append(entry.name)
        notes += [f"Not used: {listed(names)} ({reason})." for reason, names in by_reason.items()]
        return tuple(notes)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first ``most`` names, and how many more there are."""
    shown = ", ".join(repr(short(name)) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
