"""The mistakes of a model on its test split, the worst one first: page by page, as pictures, and as a list to take.

People look at them and say what an example really is. Their words are kept apart from the data
(``archsmith.app.relabels``) and stand beside the mistakes in the list.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from archsmith.analysis.report.classification import classes_of
from archsmith.analysis.report.images import pixels_of, place_of
from archsmith.analysis.report.kind import kind_of
from archsmith.analysis.report.mistakes import SHOWN, mistake_at, mistakes_of, worst_first
from archsmith.analysis.report.tables import Rows, rows_of, table_rows_of
from archsmith.analysis.report.thumbnails import png
from archsmith.analysis.study import Predictions, Study
from archsmith.core.wording import harmless, visible
from archsmith.data.tables.cells import number_text
from archsmith.server.refusals import Refusal

SIDE = 160  # pixels of a picture
IMAGE = "image"
LINES = 200  # of the list that are written together


class MistakeFacts(BaseModel):
    """One wrong prediction."""

    index: int = Field(description="Which example of the test split, from 0.")
    place: str = Field(
        description="The path of a picture, or the row of a table, as spreadsheets count; empty where nobody knows."
    )
    told: list[tuple[str, str]] = Field(description="What is said of it: name and text.")
    label: str = Field(description="What the data say that it is.")
    picture: bool = Field(description="Is there a picture of it?")
    cells: list[str] = Field(description="Its values, in the order of the columns; none for pictures.")


class MistakesFacts(BaseModel):
    """Mistakes, the worst one first."""

    lead: str = Field(description="What stands out, in sentences.")
    n: int = Field(description="How many there are in all.")
    columns: list[str] = Field(description="Names of the columns whose values are shown; none for pictures.")
    n_hidden: int = Field(description="Columns whose values are not shown.")
    shown: list[MistakeFacts] = Field(description="Those of this page.")


def mistakes_facts(study: Study, offset: int = 0, limit: int = SHOWN) -> MistakesFacts | None:
    """None where there are no mistakes, or the predictions were not kept."""
    found, test = mistakes_of(study, paged=True), study.test
    if found is None or test is None:
        return None
    order = worst_first(test)
    chosen = [int(place) for place in order[offset : offset + limit]]
    rows, name = _rows(study, test, chosen), _naming(study)
    shown = [_mistake(study, test, place, rows.cells[i], name) for i, place in enumerate(chosen)]
    return MistakesFacts(lead=found.lead, n=len(order), columns=list(rows.names), n_hidden=rows.n_hidden, shown=shown)


def _rows(study: Study, test: Predictions, chosen: list[int]) -> Rows:
    """Their values; empty ones of pictures, and where the rows cannot be read any more."""
    empty = Rows((), tuple(() for _ in chosen))
    if kind_of(study) == IMAGE or not chosen:
        return empty
    rows = rows_of(study, "test", [int(test.index[place]) for place in chosen])
    return empty if rows is None or len(rows.cells) < len(chosen) else rows


def _naming(study: Study) -> Callable[[int], str]:
    """What says where a test example came from, by its index."""
    if kind_of(study) == IMAGE:
        return lambda index: visible(place_of(study, index))
    rows = table_rows_of(study)
    return lambda index: f"row {rows[index]}" if index in rows else ""


def _mistake(
    study: Study, test: Predictions, place: int, cells: tuple[str, ...], name: Callable[[int], str]
) -> MistakeFacts:
    found, is_picture = mistake_at(study, test, place), kind_of(study) == IMAGE
    there = is_picture and study.splits is not None and found.index < len(study.splits.test)
    return MistakeFacts(
        index=found.index,
        place=name(found.index),
        told=list(found.told),
        label=found.told[0][1],
        picture=there,
        cells=list(cells),
    )


def picture_png(study: Study, index: int) -> bytes:
    """A picture of the test split, small, as PNG. Raises Refusal, and DataError where the file cannot be read."""
    image = pixels_of(study, index) if kind_of(study) == IMAGE else None
    if image is None:
        raise Refusal(404, "no_picture", f"There is no picture of the test example {index}.")
    return png(image, SIDE)


def is_mistake(study: Study, index: int) -> bool:
    """Is the prediction of this test example among the mistakes?"""
    test = study.test
    return test is not None and bool((test.index[worst_first(test)] == index).any())


def mistakes_csv(study: Study, relabels: Mapping[int, str]) -> Iterator[str]:
    """All mistakes as the lines of a CSV file, rows of a table with all their values; a value that is missing or rare
    is left empty. Texts that a spreadsheet would run as formulas get an apostrophe.
    """
    test = study.test
    numbers = test is not None and test.outputs.ndim == 1
    measured = ["true value", "predicted", "off by"] if numbers else ["label", "predicted", "probability"]
    columns, values = _values(study)
    yield _lines([["example", "split", "index", *measured, "your label", *map(harmless, columns)]])
    if test is None:
        return
    order, name = worst_first(test), _naming(study)
    for first in range(0, len(order), LINES):
        places = order[first : first + LINES]
        lines = [_line(study, test, int(place), relabels, name) for place in places]
        cells = values(test.index[places])
        yield _lines([[*line, *more] for line, more in zip(lines, cells, strict=True)])


def _values(study: Study) -> tuple[list[str], Callable[[NDArray[np.int64]], list[list[str]]]]:
    """The columns of a table, and a function that reads the rows at some places of its test split; for pictures, and
    where the rows are gone, no columns.
    """
    examples = None if study.splits is None else study.splits.test
    read = getattr(examples, "rows", None)
    if examples is None or read is None:
        return [], lambda indexes: [[] for _ in indexes]
    names = [str(column.name) for column in getattr(examples, "columns", ())]

    def values(indexes: NDArray[np.int64]) -> list[list[str]]:
        there = [int(index) for index in indexes if index < len(examples)]
        found = dict(zip(there, read(np.asarray(there, np.int64)), strict=True))
        return [[_cell(found.get(int(index), {}).get(name)) for name in names] for index in indexes]

    return names, values


def _cell(value: object) -> str:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else number_text(value)


def _line(
    study: Study, test: Predictions, place: int, relabels: Mapping[int, str], name: Callable[[int], str]
) -> list[object]:
    index, output, label = int(test.index[place]), test.outputs[place], test.labels[place]
    measured: list[object]
    if test.outputs.ndim == 1:
        measured = [float(label), float(output), float(output) - float(label)]
    else:
        classes, named = classes_of(study, test), int(output.argmax())
        measured = [harmless(classes[int(label)]), harmless(classes[named]), f"{float(output[named]):.6g}"]
    return [harmless(name(index)), "test", index, *measured, harmless(relabels.get(index, ""))]


def _lines(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
