"""A chart of trials: a press on a point shows its network, with a pointer or with the keys. Of its series only those
that changed are sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import events, ui

from archsmith.app.pages.frame import Words, box
from archsmith.app.pages.study_options import Options
from archsmith.core.wording import sentence_case

KEYS = {"ArrowRight": 1, "ArrowUp": 10, "ArrowLeft": -1, "ArrowDown": -10}


class TrialChart:
    """``title``: says what is drawn. ``picked``: is called with a trial."""

    def __init__(self, title: str, options: Options, picked: Callable[[int], object]) -> None:
        self._picked = picked
        self._sent = options
        self._at: int | None = None  # place among ``_points`` that the keys have reached
        label = f"{title}. Arrow keys go from trial to trial, Enter shows its network."
        with box("figure", "chart") as figure:
            self.figure = figure.props(f'role="group" tabindex="0" aria-label="{label}"')
            self.chart = ui.echart(options, on_point_click=self._pressed, renderer="svg").props("aria-hidden=true")
            self._said = Words("p", "", "hint", 'role="status"')
        for key in ("right", "left", "up", "down", "enter"):
            self.figure.on(f"keydown.{key}.prevent", self._typed, ["key"])

    def show(self, options: Options) -> None:
        """Send what is new in ``options``."""
        if options == self._sent:
            return
        before = {each["id"]: each for each in self._sent["series"]}
        whole = [each["id"] for each in options["series"]] != list(before)
        with self.chart.props.suspend_updates():  # for whoever loads the page again
            self.chart.props["options"] = options
        if whole:
            self.chart.update()
        else:
            changed: Options = {"series": [each for each in options["series"] if before[each["id"]] != each]}
            changed |= {axis: options[axis] for axis in ("xAxis", "yAxis") if options[axis] != self._sent[axis]}
            self.chart.run_chart_method("setOption", changed)
        self._sent = options

    def _points(self) -> list[tuple[int, int, tuple[Any, ...]]]:
        """(place of its series, place in it, values) of every point of a trial, from left to right."""
        found = [
            (i, j, value)
            for i, series in enumerate(self._sent["series"])
            if not series.get("silent")
            for j, point in enumerate(series["data"])
            for value in (point["value"] if isinstance(point, dict) else point,)
            if isinstance(value, tuple) and len(value) > 2 and isinstance(value[2], int)
        ]
        return sorted(found, key=lambda point: (point[2][0], point[2][2]))

    def _pressed(self, event: events.EChartPointClickEventArguments) -> object:
        """Returns what ``picked`` does, for NiceGUI to wait for."""
        value = event.value
        if isinstance(value, list) and len(value) > 2 and isinstance(value[2], int):
            return self._picked(value[2])
        return None

    def _typed(self, event: events.GenericEventArguments) -> object:
        """The same, of a key."""
        key, points = event.args.get("key"), self._points()
        if not points:
            return None
        if key == "Enter":
            return None if self._at is None else self._picked(points[min(self._at, len(points) - 1)][2][2])
        start = -1 if self._at is None else self._at
        self._at = max(0, min(len(points) - 1, start + KEYS.get(str(key), 0)))
        series, place, value = points[self._at]
        self.chart.run_chart_method("dispatchAction", {"type": "showTip", "seriesIndex": series, "dataIndex": place})
        self._said.text = sentence_case(value[3])
        return None
