"""How ``network.py`` reads the values of a row: source text that does what ``archsmith.data.tables`` does with them.

Numbers and dates that can be read in two ways are read as in training rows, or refused: see
``archsmith.data.tables.written``. The patterns are those of ``archsmith.data.tables.cells``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsmith.bundle.exporter import literal
from archsmith.data.tables.cells import (
    COMMA_GROUPS,
    FIRST_YEAR,
    ISO,
    LARGEST,
    PLAIN,
    POINT_GROUPS,
    THREE_PARTS,
    WHOLE,
    WORDS,
    YEAR_FIRST,
)
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import padded_width
from archsmith.data.values import MISSING

NUMBERS = '''\
# Columns, and what is subtracted from each before it becomes a float32.
NUMBERS = {numbers}
# How texts are written in columns that are not written like 1234.5, and marks of which the meaning is known there.
WRITTEN = {written}
MISSING = {missing}


def number(value: object, name: str = "") -> float:
    """A float, of a number or a text in the column ``name``; NaN where it is missing.{about_dates}

    Raises ValueError for a text that is no number, or may be one or another, such as 1.234 among decimal commas.
    """
    if isinstance(value, str):
        value = value.strip()
        found = math.nan if value.lower() in MISSING else from_text(value, *WRITTEN.get(name, ("plain", "")))
    else:
        found = math.nan if value is None else float(value)
    return found if abs(found) <= {largest:g} else math.nan


def from_text(text: str, written: str, marks: str) -> float:
    """The number that a text stands for."""
    {readings}
    if first is None and second is None:
        raise ValueError(f"{{text!r}} cannot be read")
    if first is None or second is None or first == second:
        return second if first is None else first
    if written == "grouped" or (written == "plain" and "," not in text):
        return first
    if written == "comma" and ("," in text or marks):
        return second
    if written in ("day_first", "month_first") and marks:
        return first if written == "day_first" else second
    raise ValueError(f"{{text!r}} may mean {{first}} or {{second}}")


def of_number(text: str) -> tuple[float | None, float | None]:
    """What a text is with decimal points, and with decimal commas."""
    points = commas = None
    if re.fullmatch(r"{commas}", text):
        commas = float(text.replace(".", "").replace(",", "."))
    if re.fullmatch(r"{points}", text):
        return float(text.replace(",", "")), commas
    if "_" not in text:
        with contextlib.suppress(ValueError):
            points = float(text)
    return points, commas
'''

DATES = '''\


def of_date(text: str) -> tuple[float | None, float | None]:
    """The days since 1970 of a date such as 31.12.2024 or 2024/12/31, with the day and with the month first."""
    start, day = datetime(1970, 1, 1), timedelta(days=1)
    slashed = re.fullmatch(r"{slashed}", text)
    if slashed:
        year, month, date, mark, hour, rest = slashed.groups()
        text = f"{{year}}-{{month:0>2}}-{{date:0>2}}" + (f"{{mark}}{{hour:0>2}}{{rest}}" if rest else "")
    with contextlib.suppress(ValueError):
        if re.fullmatch(r"{iso}", text):
            moment = datetime.fromisoformat(text)
            days = (moment.replace(tzinfo=None) - start - (moment.utcoffset() or timedelta())) / day
            return days, days
    found = re.fullmatch(r"{parts}", text)
    if found is None:
        return None, None
    one, mark, two, year, *times = found.groups()
    full = int(year) + (0 if len(year) == 4 else 1900 if int(year) >= {first_year} else 2000)
    dates = [None, None]
    for place, (first, second) in enumerate(((two, one), (one, two)) if mark == "/" else ((two, one),)):
        with contextlib.suppress(ValueError):
            moment = datetime(full, int(first), int(second), *(int(each or 0) for each in times))
            dates[place] = (moment - start) / day
    return dates[0], dates[1]
'''

CATEGORIES = '''\
# The texts that have a code of their own. Codes count on from column to column; the first one of each column stands for
# a value that is missing or not in the list.
CATEGORIES = {categories}
CODES = {{}}
for name, texts in CATEGORIES.items():
    first = sum(map(len, CODES.values()))
    CODES[name] = {{text: first + place for place, text in enumerate((None, *texts))}}
{widths}

def code(name: str, value: object) -> int:
    """The code of a value in the column ``name``."""
    whole = isinstance(value, float) and value.is_integer()
    text = "" if value is None else str(int(value) if whole else value).strip()
    if text in {words}:
        text = text.capitalize()
    if re.fullmatch(r"{whole}", text):
        text = text.partition(".")[0]
{filled}    return CODES[name].get(text, CODES[name][None])
'''

WIDTHS = """\
# How many digits names of numbers have in some columns, with zeros in front.
WIDTHS = {widths}
"""

FILLED = """\
    if name in WIDTHS and text.isdigit():
        text = text.zfill(WIDTHS[name])
"""

NUMBERS_LINES = """\
    values = [[number(row.get(name), name) - offset for name, offset in NUMBERS.items()] for row in rows]
    numbers = torch.tensor(values, dtype=torch.float64).float()
"""

CATEGORIES_LINES = """\
    categories = torch.tensor([[code(name, row.get(name)) for name in CATEGORIES] for row in rows])
"""


def imports(numbers: Sequence[Column]) -> list[str]:
    """What the source needs."""
    found = ["import contextlib", "import math"] if numbers else []
    found.append("import re")
    return [*found, "from datetime import datetime, timedelta"] if _has_dates(numbers) else found


def of_numbers(columns: Sequence[Column]) -> str:
    """``number`` and what it needs."""
    dates = _has_dates(columns)
    written = {each.name: repr((each.written, each.marks)) for each in columns if each.written != PLAIN or each.marks}
    ways = tuple(sorted({each.written for each in columns if each.is_date}))
    readings = "first, second = of_number(text)"
    if dates:
        readings = f"first, second = of_date(text) if written in {literal(ways)} else of_number(text)"
    source = NUMBERS.format(
        numbers=mapping({each.name: repr(each.offset) for each in columns}),
        written=mapping(written),
        missing=literal(sorted(MISSING)),
        about_dates=" Dates count in days since 1970." if dates else "",
        largest=LARGEST,
        readings=readings,
        points=POINT_GROUPS.pattern,
        commas=COMMA_GROUPS.pattern,
    )
    if not dates:
        return source
    return source + DATES.format(
        slashed=YEAR_FIRST.pattern, parts=THREE_PARTS.pattern, iso=ISO.pattern, first_year=FIRST_YEAR
    )


def of_categories(columns: Sequence[Column]) -> str:
    """``code`` and what it needs."""
    widths = {each.name: width for each in columns if (width := padded_width(each.categories))}
    return CATEGORIES.format(
        categories=mapping({each.name: literal(each.categories, " " * 8) for each in columns}),
        widths=WIDTHS.format(widths=mapping({name: str(width) for name, width in widths.items()})) if widths else "",
        words=literal(sorted(set(WORDS) - set(WORDS.values()))),
        whole=WHOLE.pattern,
        filled=FILLED if widths else "",
    )


def mapping(entries: Mapping[str, str]) -> str:
    """A mapping as source text, of values that are source text already; one entry a line."""
    lines = "".join(f"    {name!r}: {value},\n" for name, value in entries.items())
    return f"{{\n{lines}}}" if lines else "{}"


def _has_dates(columns: Sequence[Column]) -> bool:
    return any(column.is_date for column in columns)
