"""Boxes and arrows as SVG, whatever stands in the boxes."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import ImageFont

from archsmith.graphs.figure import COLOURS, LABEL, SMALL, TITLE, Group, Mark, escape, figure, text_width

SVG = "{http://www.w3.org/2000/svg}"


def parts(svg: str, kind: str) -> list[Any]:
    return list(ElementTree.fromstring(svg).iter(SVG + kind))


def texts(svg: str) -> list[str]:
    return ["".join(part.itertext()) for part in parts(svg, "text")]


def arrows(svg: str) -> list[str]:
    return [path.get("d") for path in parts(svg, "path") if path.get("marker-end")]


def width_of(svg: str) -> float:
    return float(ElementTree.fromstring(svg).get("width") or 0)


ONE, TWO = Mark("one", "First", "convolution"), Mark("two", "Second", "pooling")


def test_labels_and_small_print_are_written_in_their_boxes() -> None:
    svg = figure([ONE, Mark("two", "Second", "pooling", small="stride 2")], [("one", "two")])
    assert texts(svg) == ["First", "Second", "stride 2"]
    assert [part.get("font-size") for part in parts(svg, "text")] == ["12", "12", "9.5"]


def test_a_title_stands_above_and_a_note_below() -> None:
    svg = figure([ONE], [], "Title", "a note")
    heights = {"".join(part.itertext()): float(part.get("y")) for part in parts(svg, "text")}
    assert heights["Title"] < heights["a note"]
    assert parts(svg, "title")[0].text == "Title"
    assert not parts(figure([ONE], []), "title")


@pytest.mark.parametrize(("title", "note"), [("a title that is wider than its one box", ""), ("", "a note " * 9)])
def test_titles_and_notes_fit_the_picture(title: str, note: str) -> None:
    assert width_of(figure([ONE], [], title, note)) > max(text_width(title, TITLE), text_width(note, SMALL))


def test_an_arrow_runs_down_from_box_to_box() -> None:
    (path,) = arrows(figure([ONE, TWO], [("one", "two")]))
    start, end = re.fullmatch(r"M[\d.]+ ([\d.]+)V([\d.]+)", path).groups()  # type: ignore[union-attr]
    assert float(start) < float(end)


def test_a_shared_trunk_is_drawn_once() -> None:
    marks = [Mark(name, name, "plain") for name in "abcd"]
    chain = list(pairwise("abcd"))
    found = arrows(figure(marks, [*chain, ("a", "c"), ("a", "d")]))
    assert len(found) == 5
    assert len({path[1:].split("V")[0] for path in found}) > 3  # the second long edge begins where it leaves the first


@pytest.mark.parametrize(("form", "circles", "boxes"), [("box", 0, 1), ("bar", 0, 1), ("circle", 1, 0), ("text", 0, 0)])
def test_forms(form: str, circles: int, boxes: int) -> None:
    svg = figure([Mark("m", "+", "combine", form=form)], [])
    background = 1
    assert (len(parts(svg, "circle")), len(parts(svg, "rect")) - background) == (circles, boxes)


def test_a_pile_is_three_boxes() -> None:
    assert len(parts(figure([Mark("m", "Cell", "cell", stacked=True)], []), "rect")) == 1 + 3


def test_a_product_is_a_turned_plus() -> None:
    plus, times = (figure([Mark("m", label, "combine", form="circle")], []) for label in "+×")
    assert times.count("rotate(45") == 1
    assert "rotate" not in plus


def test_what_goes_in_and_out_has_a_dashed_outline() -> None:
    assert "stroke-dasharray" in figure([Mark("m", "image", "port")], [])
    assert "stroke-dasharray" not in figure([ONE], [])


@pytest.mark.parametrize(("family", "looks_like"), [(name, name) for name in COLOURS] + [("unheard of", "pointwise")])
def test_families_have_colours(family: str, looks_like: str) -> None:
    box = parts(figure([Mark("m", "x", family)], []), "rect")[1]
    assert (box.get("fill"), box.get("stroke")) == COLOURS[looks_like]


@pytest.mark.parametrize("label", ["a < b & c", "]]>\x00\x1b", '"quoted"', "<script>"])
def test_any_text_gives_well_formed_xml(label: str) -> None:
    svg = figure([Mark("m", label, "plain", small=label)], [], label, label)
    shown = label.replace("\x00\x1b", "")
    assert texts(svg) == [shown] * 4
    assert "<script" not in svg


def test_control_characters_are_left_out() -> None:
    assert escape("a\x00b c\n") == "ab c"


@pytest.mark.parametrize("label", ["i", "conv 3×3", "WWWWWWWWWW", "a very long label of a part"])
def test_boxes_are_wider_than_their_texts(label: str) -> None:
    box = parts(figure([Mark("m", label, "plain")], []), "rect")[1]
    assert float(box.get("width")) > text_width(label, LABEL)


def test_widths_follow_letters_and_size() -> None:
    assert text_width("", 12) == 0
    assert text_width("il", 12) < text_width("ab", 12) < text_width("AB", 12) < text_width("MW", 12)
    assert text_width("abc", 24) == pytest.approx(2 * text_width("abc", 12))


def test_no_marks_are_an_empty_picture() -> None:
    assert texts(figure([], [])) == []


def test_groups_are_frames_around_their_marks_with_a_caption() -> None:
    marks = [Mark("a", "A", "plain", group="inner"), Mark("b", "B", "plain", group="outer"), Mark("c", "C", "plain")]
    svg = figure(marks, [("a", "b"), ("b", "c")], groups=[Group("outer", "Outer"), Group("inner", "Inner", "outer")])
    assert texts(svg)[:2] == ["Outer", "Inner"]
    boxes = {part.get("data-name"): part for part in parts(svg, "rect") if part.get("data-name")}
    outer, inner = ([float(boxes[name].get(side)) for side in ("x", "y", "width", "height")] for name in boxes)
    assert outer[0] < inner[0] and outer[1] < inner[1]
    assert inner[0] + inner[2] < outer[0] + outer[2] and inner[1] + inner[3] < outer[1] + outer[3]


def test_marks_and_arrows_keep_their_names() -> None:
    svg = figure([ONE, Mark("two", "Second", "plain", tip="path <two>")], [("one", "two")], groups=[])
    assert [part.get("data-name") for part in parts(svg, "g")[1:]] == ["one", "two"]
    assert [part.text for part in parts(svg, "title")] == ["path <two>"]
    assert [(p.get("data-from"), p.get("data-to")) for p in parts(svg, "path") if p.get("data-to")] == [("one", "two")]


@pytest.mark.parametrize("name", ['"quoted"', "a & b", "<x", "\x00null", "'"])
def test_any_name_gives_well_formed_xml(name: str) -> None:
    svg = figure([Mark(name, "x", "plain", group=name + "!")], [], groups=[Group(name + "!", name)])
    assert parts(svg, "g")[1].get("data-name") == name.replace("\x00", "")


def test_an_arrow_to_the_next_column_has_round_corners() -> None:
    marks = [Mark(f"m{i}", "mark", "plain") for i in range(40)]
    edges = list(pairwise(mark.name for mark in marks))
    turning = [path for path in arrows(figure(marks, edges)) if "H" in path]
    assert turning and all(path.count("Q") == 4 and "C" not in path for path in turning)
    assert not any("H" in path for path in arrows(figure(marks, edges, pages=False)))


def test_a_long_figure_is_no_strip() -> None:
    marks = [Mark(f"m{i}", "mark", "plain") for i in range(80)]
    edges = list(pairwise(mark.name for mark in marks))
    page, strip = (ElementTree.fromstring(figure(marks, edges, pages=pages)) for pages in (True, False))
    assert float(strip.get("height") or 0) > 10 * float(strip.get("width") or 0)
    assert 0.4 < float(page.get("width") or 0) / float(page.get("height") or 0) < 2.5


def test_broad_letters_are_broad() -> None:
    assert text_width("卷积", 12) > text_width("ab", 12)


@pytest.mark.parametrize(
    "text",
    ["conv 3×3, 64", "8 × 8 × 8", "depthwise 5×5 · 1152 × 14 × 14", "Inverted bottleneck", "x" * 60, "卷积层网络"],
)
def test_texts_fit_in_the_widest_usual_font(text: str) -> None:
    """DejaVu Sans is what a machine without Helvetica and Arial shows."""
    fonts = Path(pytest.importorskip("matplotlib").get_data_path()) / "fonts" / "ttf"

    def shown(size: float, bold: bool = False) -> float:
        font = ImageFont.truetype(str(fonts / f"DejaVuSans{'-Bold' if bold else ''}.ttf"), 100)
        return font.getlength(text) * size / 100

    svg = figure([Mark("m", text, "plain", text, group="g")], [], text, text, [Group("g", text)])
    box = float(parts(svg, "rect")[-1].get("width"))
    assert shown(LABEL) + 8 < box and shown(SMALL) + 8 < box
    assert max(shown(TITLE, bold=True), shown(SMALL)) + 16 < width_of(svg)
