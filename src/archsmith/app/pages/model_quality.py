"""The section Quality of a model's page: scores, confusions, classes and thresholds, reliability, errors."""

from __future__ import annotations

import asyncio

from nicegui import events, ui

from archsmith.analysis.wording import amount, share
from archsmith.app.house import House
from archsmith.app.model_facts import ClassFacts, Confusion, ModelFacts, Reliability, Residuals
from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.pieces import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    axis,
    chart,
    facts,
    said,
    scrolling,
    section,
    starting,
    table,
)
from archsmith.app.thresholds import STEPS, ThresholdPoint, Thresholds, thresholds_of
from archsmith.core.errors import ArchsmithError
from archsmith.core.wording import sentence_case
from archsmith.server.refusals import Refusal

FIRST = 50  # the threshold that is shown at first, in hundredths
MANY = 15  # classes whose table is folded
MOST_ROWS = 100


def curve_of(house: House, id: str) -> Thresholds | None:
    """The curve of all classes together; None for a number, and where it cannot be told."""
    try:
        return thresholds_of(house.models.study(id), None)
    except (Refusal, ArchsmithError):
        return None


def show(house: House, known: ModelFacts, curve: Thresholds | None) -> None:
    """Make the section."""
    with section("quality", "Quality"):
        _scores(known)
        if known.confusion is not None:
            _confusion(known.confusion)
            _classes(known)
            if curve is not None:
                _thresholds(house, known, curve)
        if known.reliability is not None:
            _reliability(known.reliability)
        if known.residuals is not None:
            _residuals(known.residuals)


def _scores(known: ModelFacts) -> None:
    if not known.scores:
        Words("p", "No scores were written down.")
        return
    by_split = {(row.metric, row.split): row.told for row in known.scores}
    hints = {sentence_case(row.title): f"{sentence_case(row.meaning)}." for row in known.scores if row.meaning}
    rows = [
        (sentence_case(title), by_split.get((metric, "test"), "–"), by_split.get((metric, "validation"), "–"))
        for metric, title in dict.fromkeys((row.metric, row.title) for row in known.scores)
    ]
    table(("Score", "Test", "Validation"), rows, "Scores", numbers=(1, 2), hints=hints)
    Words("p", "Networks were compared on the validation split. Nothing was chosen by the test split.", "faint")


# Classes


def _confusion(found: Confusion) -> None:
    Words("h3", "What it confuses")
    Words("p", found.lead)
    if found.matrix is None:
        Words("p", f"There are {len(found.classes)} classes, too many for a table of all pairs.", "faint")
        _pairs(found)
        return
    Words("p", "A row for each true class, a column for each predicted one. Right ones lie on the diagonal.", "faint")
    with scrolling("Table of confusions"), box("table", "confusion"):
        with box("thead"), box("tr"):
            box("td")
            for name in found.classes:
                Words("th", name, "n", 'scope="col"')
        with box("tbody"):
            for i, (name, row) in enumerate(zip(found.classes, found.matrix, strict=True)):
                with box("tr"):
                    Words("th", name, props='scope="row"')
                    for j, count in enumerate(row):
                        _count(count, max(1, sum(row)), right=i == j)
    with box("details"):
        Words("summary", "The commonest mistakes as a list")
        _pairs(found)


def _count(count: int, total: int, *, right: bool) -> None:
    cell = Words("td", f"{count:,}", f"n {'hit' if right else 'miss' if count else 'none'}")
    part = count / total
    # never so strong that the number on it is hard to read
    strength = min(0.42, 0.07 + 0.35 * part if right else 0.1 + 0.9 * part) if count else 0.0
    cell.style(f"--v: {strength:.2f}")


def _pairs(found: Confusion) -> None:
    if not found.pairs:
        Words("p", "There are none.")
        return
    rows = [(true, named, f"{n:,}") for true, named, n in found.pairs]
    table(("It is", "Taken for", "Times"), rows, "The commonest mistakes", numbers=(2,))


def _classes(known: ModelFacts) -> None:
    Words("h3", "Class by class")
    Words(
        "p",
        f"Recall: how many {known.nouns} of the class are recognised. Precision: when the network predicts the class, "
        "how often that is right. F1 is the mean of both that suffers most when one is low.",
        "faint",
    )
    folded, shown = len(known.per_class) > MANY, known.per_class
    if len(shown) > MOST_ROWS:
        shown = sorted(shown, key=lambda row: (row.recall is None, row.recall))[:MOST_ROWS]
        Words("p", f"Of {len(known.per_class):,} classes, the {MOST_ROWS} that are recognised least.", "faint")
    with box("details") if folded else box():
        if folded:
            Words("summary", f"{len(shown)} classes")
        rows = [
            (
                row.name,
                f"{row.n:,}",
                _share(row.recall),
                "" if row.interval is None else f"{share(row.interval[0])} to {share(row.interval[1])}",
                _share(row.precision),
                _share(row.f1),
                _taken_for(row),
            )
            for row in shown
        ]
        heads = ("Class", f"Test {known.nouns}", "Recall", "95 % interval", "Precision", "F1", "Most often taken for")
        table(heads, rows, "Class by class", numbers=(1, 2, 3, 4, 5))


def _taken_for(row: ClassFacts) -> str:
    if row.taken_for is None:
        return "–"
    others = f", {row.as_often:,} other{'' if row.as_often == 1 else 's'} as often" if row.as_often else ""
    return f"{row.taken_for[0]} ({row.taken_for[1]:,}{others})"


def _share(value: float | None) -> str:
    return "–" if value is None else share(value)


class _Threshold:
    """The slider: which predictions are taken when only sure ones are."""

    def __init__(self, house: House, known: ModelFacts, curve: Thresholds) -> None:
        self._house, self._known, self._curve = house, known, curve
        self._step = FIRST
        with box("div", "fields"):
            with box("label"):
                Words("span", "Class")
                choice = box("select")
                with choice:
                    said(Words("option", "whichever is the surest"), value="")
                    for place, name in enumerate(known.classes):
                        said(Words("option", name), value=str(place))
            with box("label"):
                self._title = Words("span", "")
                slider = starting(box("input", props=f'type="range" min="0" max="{STEPS}" step="1"'), FIRST)
        self._result = box("div", props='role="status" aria-live="polite"')
        self._chart = chart(_curves(curve, self._step), "Precision, recall and accepted share against the threshold")
        self._say()
        choice.on("change", self._choose, js_handler="(event) => emit(event.target.value)")
        slider.on("input", self._slide, throttle=0.05, js_handler="(event) => emit(Number(event.target.value))")

    async def _choose(self, event: events.GenericEventArguments) -> None:
        label = int(event.args) if str(event.args).isdecimal() else None
        try:
            study = await asyncio.to_thread(self._house.models.study, self._known.id)
            self._curve = await asyncio.to_thread(thresholds_of, study, label)
        except (Refusal, ArchsmithError) as error:
            ui.notify(error.message, type="warning")
            return
        self._draw()

    def _slide(self, event: events.GenericEventArguments) -> None:
        if isinstance(event.args, int | float):
            self._step = max(0, min(STEPS, round(event.args)))
            self._draw()

    def _draw(self) -> None:
        self._say()
        self._chart.options.update(_curves(self._curve, self._step))
        self._chart.update()

    def _say(self) -> None:
        point = self._curve.points[self._step]
        self._title.set_text(f"Least probability: {point.threshold:.2f}")
        self._result.clear()
        with self._result:
            facts(_told(self._curve, point, self._known.nouns))


def _told(curve: Thresholds, point: ThresholdPoint, nouns: str) -> list[tuple[str, str]]:
    return [
        ("Accepted", f"{share(point.accepted)} ({point.n_accepted:,} of {curve.n:,} test {nouns})"),
        ("Right among them (precision)", _share(point.precision)),
        ("Found of all there are (recall)", _share(point.recall)),
        ("F1", _share(point.f1)),
    ]


def _curves(curve: Thresholds, step: int) -> dict[str, object]:
    lines = (("precision", BLUE, "solid"), ("recall", ORANGE, "dashed"), ("accepted", GREEN, "dotted"))
    mark = {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": GREY, "type": "solid"},
        "label": {"show": False},
        "data": [{"xAxis": step / STEPS}],
    }
    series = [
        {
            "name": name,
            "type": "line",
            "showSymbol": False,
            "color": colour,
            "lineStyle": {"type": dash, "width": 2},
            "data": [[point.threshold, getattr(point, name)] for point in curve.points],
            **({"markLine": mark} if name == "precision" else {}),
        }
        for name, colour, dash in lines
    ]
    return {
        "legend": {"top": 0, "itemGap": 22, "data": [name for name, _, _ in lines]},
        "grid": {"left": 48, "right": 16, "top": 34, "bottom": 46},
        "xAxis": axis("least probability", 0, 1),
        "yAxis": axis("", 0, 1),
        "series": series,
    }


def _thresholds(house: House, known: ModelFacts, curve: Thresholds) -> None:
    Words("h3", "If only sure predictions are taken")
    Words(
        "p",
        "Move the slider. A higher threshold accepts less. Mostly it is right more often, too; the curve shows whether "
        "it is here. Whatever is not accepted is left to a person.",
        "faint",
    )
    _Threshold(house, known, curve)


# Probabilities and numbers


def _reliability(found: Reliability) -> None:
    Words("h3", "Can its confidence be trusted?")
    Words("p", found.lead)
    drawn = [row for row in found.bins if row.n >= found.least_drawn]
    if len(drawn) > 1:
        most = max(row.n for row in drawn)
        dots = [
            {
                "value": [round(row.confidence or 0.0, 4), round(row.accuracy or 0.0, 4)],
                "symbolSize": 6 + 14 * (row.n / most) ** 0.5,
            }
            for row in drawn
        ]
        series: list[dict[str, object]] = [
            {
                "type": "line",
                "data": [[0, 0], [1, 1]],
                "showSymbol": False,
                "silent": True,
                "lineStyle": {"type": "dashed", "color": GREY},
            },
            {"type": "line", "data": dots, "color": BLUE, "symbol": "circle"},
        ]
        options = {
            "grid": {"left": 52, "right": 16, "top": 16, "bottom": 46},
            "xAxis": axis("how sure it says it is", 0, 1),
            "yAxis": axis("how often it is right", 0, 1),
            "series": series,
        }
        chart(options, "How often the network is right against how sure it says it is")
        Words(
            "p",
            "On the dashed line it is as sure as it is right; below, it is too sure. Larger dots: more examples.",
            "faint",
        )
        if found.not_drawn:
            Words("p", found.not_drawn, "faint")
    gap = f"Mean gap between the two (expected calibration error): {share(found.error)}"
    Words("p", gap + (f", before calibration {share(found.error_before)}." if found.error_before is not None else "."))
    with box("details"):
        Words("summary", "The same as a table")
        rows = [
            (
                f"{share(row.lower)} to {share(row.upper)}",
                f"{row.n:,}",
                _share(row.confidence),
                _share(row.accuracy),
            )
            for row in found.bins
            if row.n
        ]
        heads = ("Level of confidence", "Examples", "Says it is sure", "Is right")
        table(heads, rows, "Confidence and accuracy", numbers=(1, 2, 3))


def _residuals(found: Residuals) -> None:
    Words("h3", "How far off it is")
    Words("p", found.lead)
    facts((sentence_case(name), value) for name, value in found.table)
    with box("div", "columns"):
        with box():
            _predicted(found)
        with box():
            _spread(found)


def _predicted(found: Residuals) -> None:
    """What is left between truth and prediction, against the prediction."""
    dots = [[predicted, predicted - true] for true, predicted in found.dots]
    options = {
        "grid": {"left": 60, "right": 16, "top": 16, "bottom": 46},
        "xAxis": axis(f"predicted {found.target}"),
        "yAxis": axis("predicted less true", nameGap=44),
        "series": [
            {
                "type": "scatter",
                "data": [[float(short_number(x)), float(short_number(y))] for x, y in dots],
                "symbolSize": 5,
                "itemStyle": {"color": BLUE, "opacity": 0.55},
                "markLine": {
                    "silent": True,
                    "symbol": "none",
                    "label": {"show": False},
                    "lineStyle": {"color": GREY, "type": "dashed"},
                    "data": [{"yAxis": 0}],
                },
            }
        ],
    }
    chart(options, f"Errors against the predicted {found.target}, a dot for each test example")
    more = f" {found.n_left_out:,} more are not drawn." if found.n_left_out else ""
    Words("p", f"Each dot is one test example; on the dashed line it is predicted exactly.{more}", "faint")


def short_number(value: float) -> str:
    """Four digits are enough for a dot."""
    return f"{value:.4g}"


def _spread(found: Residuals) -> None:
    middles = [round((low + high) / 2, 12) for low, high in zip(found.edges, found.edges[1:], strict=False)]
    options = {
        "grid": {"left": 48, "right": 16, "top": 16, "bottom": 46},
        "xAxis": axis("predicted less true"),
        "yAxis": axis("", 0),
        "series": [
            {
                "type": "bar",
                "data": [list(bar) for bar in zip(middles, found.counts, strict=True)],
                "color": BLUE,
                "barCategoryGap": "8%",
            }
        ],
    }
    chart(options, f"How often errors of each size occur among {amount(sum(found.counts), 'test example')}")
    Words("p", "How often errors of each size occur.", "faint")
