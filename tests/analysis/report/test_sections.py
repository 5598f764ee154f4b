from __future__ import annotations

import pytest

from archsmith.analysis.report.sections import sections_for

KINDS = {
    "": "report/mistakes.html",
    "image": "report/mistakes_as_pictures.html",
    "table": "report/mistakes_as_rows.html",
}


@pytest.mark.parametrize("kind", ["image", "table", "", "sound"])
def test_names_are_there_once(kind: str) -> None:
    names = [section.name for section in sections_for(kind)]
    assert len(names) == len(set(names)) and names[0] == "data"


def test_a_kind_replaces_sections_and_adds_its_own_behind_them() -> None:
    common, image, table = ([section.name for section in sections_for(kind)] for kind in ("", "image", "table"))
    assert [name for name in image if name != "pictures"] == common and image[1] == "pictures"
    assert [name for name in table if name != "columns"] == common and table[1] == "columns"


def test_the_worst_mistakes_are_shown_in_the_way_of_the_kind() -> None:
    shown = {kind: {section.name: section.file for section in sections_for(kind)}["mistakes"] for kind in KINDS}
    assert shown == KINDS
