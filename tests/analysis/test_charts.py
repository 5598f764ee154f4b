from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from archsmith.analysis.axes import Axis, percent
from archsmith.analysis.charts import (
    NARROW,
    WIDE,
    Band,
    Bar,
    Columns,
    Dots,
    Ends,
    Line,
    Size,
    Word,
    apart,
    bars,
    both,
    plot,
    shortened,
    wide,
)

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=lambda size: size.name)


@SIZES
def test_a_plot_is_valid_and_stays_inside(size: object) -> None:
    x, y = Axis("time", 0.0, 10.0), Axis("score", 0.0, 1.0, show=percent)
    layers = [
        Dots([(0.0, 0.0, "low"), (10.0, 1.0, "high"), (99.0, 99.0, "outside")]),
        Dots([(1.0, 0.5, "")], "c2", "cross"),
        Dots([(1.0, 0.5, "")], "c2", "down"),
        Dots([(1.0, 0.5, "")], "c2", "diamond"),
        Line([(0.0, 0.1), (5.0, 0.6)], steps=True),
        Columns([(0.0, 1.0, 0.5, "half")]),
        Word(10.0, 1.0, "the best"),
    ]
    drawn = ElementTree.fromstring(plot(size, x, y, layers, 'a "chart" of <things>'))
    assert drawn.get("aria-label") == 'a "chart" of <things>' and drawn.get("role") == "img"
    width, height = (float(drawn.get(name, "")) for name in ("width", "height"))
    for circle in drawn.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(circle.get("cx", "")) <= width and 0 <= float(circle.get("cy", "")) <= height
    for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.get("x", "")) <= width and 0 < float(text.get("y", "")) <= height


def test_both_sizes_are_there() -> None:
    drawn = both(lambda size: plot(size, Axis("x", 0, 1), Axis("y", 0, 1), [], "t"))
    assert re.findall(r'<svg [^>]*class="(\w+)"', drawn) == ["narrow", "wide"]


def test_words_beside_close_points_do_not_lie_over_one_another() -> None:
    words = [Word(0.5, 0.5, "hand-made"), Word(0.51, 0.5, "searched")]
    drawn = plot(NARROW, Axis("x", 0, 1), Axis("y", 0, 1), words, "t")
    places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="start" class="word', drawn)
    (x0, y0), (x1, y1) = ((float(x), float(y)) for x, y in places)
    assert abs(y0 - y1) >= 12 or abs(x0 - x1) >= 60


@SIZES
def test_bars_name_their_rows_and_mark_forecasts(size: object) -> None:
    drawn = bars(size, [Bar("<b>search</b>", 5.0, "5 s", mark=8.0), Bar("export", 0.0, "0 s")], "time")
    ElementTree.fromstring(drawn)
    assert "&lt;b&gt;search" in drawn and drawn.count('class="mark"') == 1
    assert bars(size, [], "nothing") == ""


def test_long_names_are_cut() -> None:
    assert shortened("short", 100) == "short"
    cut = shortened("a very long name that does not fit", 80)
    assert cut.endswith("…") and len(cut) < 20


def test_names_at_the_ends_keep_apart_and_inside() -> None:
    assert apart([], 10, 0, 100) == []
    assert apart([50], 10, 0, 100) == [50]
    assert apart([3, 4, 5], 10, 0, 100) == [3, 13, 23]
    assert apart([96, 97, 99], 10, 0, 100) == [80, 90, 100]


@SIZES
def test_names_at_the_ends_have_room_at_the_right(size: Size) -> None:
    picture = plot(
        size, Axis("x", 0, 1), Axis("y", 0, 1), [Line([(0, 0.5), (1, 0.5)]), Ends([(0.5, "a <name>", "c2")])], "names"
    )
    name = next(element for element in ElementTree.fromstring(picture).iter() if element.text == "a <name>")
    assert float(name.get("x", "0")) + wide("a <name>", 12.0) <= size.width


def test_a_band_is_one_closed_path() -> None:
    svg = plot(
        WIDE, Axis("x", 0, 1), Axis("y", 0, 1), [Band([(0, 0.2, 0.4), (1, 0.3, 0.5)], "s1"), Band([], "s2")], "t"
    )
    assert svg.count('class="band s1"') == 1 and "s2" not in svg
    path = re.search(r'class="band s1" d="M([^"]*)z"', svg)
    assert path is not None and path[1].count("L") == 3


def test_a_word_that_fits_on_neither_side_of_its_point_still_stays_inside() -> None:
    text = "a name nearly as long as the plot"
    x, y = Axis("size", 0.0, 10.0), Axis("score", 0.0, 1.0)
    svg = plot(NARROW, x, y, [Word(9.5, 0.5, text)], "sizes")
    left = next(float(place) for place, said in re.findall(r'<text x="([\d.-]+)"[^>]*>([^<]*)<', svg) if said == text)
    assert 0 <= left <= NARROW.width - wide(text, 12.0)


def test_a_word_keeps_off_points_and_lines_that_are_not_its_own() -> None:
    """To the right of its point there is a dot, to the left a line."""
    layers = [Dots([(0.65, 0.52, "")]), Line([(0.4, 0.0), (0.4, 0.53)]), Word(0.5, 0.5, "hand-made")]
    drawn = plot(WIDE, Axis("x", 0, 1), Axis("y", 0, 1), layers, "t")
    ((left, base),) = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="start" class="word', drawn)
    (circle,) = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert not (float(left) < float(circle[0]) < float(left) + 80 and abs(float(base) - 6 - float(circle[1])) < 6)
