from __future__ import annotations

from typing import Any

import pytest

from archsmith import catalog


def test_every_row_of_the_catalogue_is_listed(command: Any) -> None:
    rows = command("catalog", "--json").json
    assert {(row["kind"], row["name"]) for row in rows} == {
        (kind, name) for kind in catalog.kinds() for name in catalog.names(kind)
    }


def test_one_kind_only(command: Any) -> None:
    assert {row["kind"] for row in command("catalog", "strategy", "--json").json} == {"strategy"}


def test_settings_are_the_fields_with_their_defaults(command: Any) -> None:
    rows = {row["name"]: row for row in command("catalog", "strategy", "--json").json}
    assert rows["evolution"]["settings"]["population"] is None
    assert rows["evolution"]["summary"]


@pytest.mark.parametrize("kind", ["data", "modality", "intake"])
def test_the_kinds_of_data_are_listed_with_what_they_are(command: Any, kind: str) -> None:
    rows = {row["name"]: row for row in command("catalog", kind, "--json").json}
    assert {"image", "table"} <= rows.keys()
    for row in rows.values():
        assert row["summary"].endswith(".") and row["missing"] is None


def test_kinds_of_data_show_no_settings_to_people(command: Any) -> None:
    assert "required" not in command("catalog", "intake").out


def test_the_table_fits_a_page_in_a_pipe(command: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = command("catalog", "strategy").out.splitlines()
    assert max(map(len, lines)) <= 120
    assert any(line.startswith("strategy  evolution ") for line in lines)
    assert "package" not in lines[0]  # all of them are our own


def test_the_help_names_every_kind(command: Any) -> None:
    words = " ".join(command("catalog", "--help").out.replace("│", " ").split())
    assert all(kind in words for kind in catalog.kinds())


def test_a_row_says_which_package_it_comes_from(command: Any, monkeypatch: Any) -> None:
    assert {row["package"] for row in command("catalog", "strategy", "--json").json} == {"archsmith"}
    monkeypatch.setattr(
        catalog, "package", lambda kind, name, path: "their-plug-in" if name == "random" else "archsmith"
    )
    head, *lines = command("catalog", "strategy").out.splitlines()
    assert "package" in head and "their-plug-in" in next(line for line in lines if " random " in line)


def test_people_do_not_get_the_toys(command: Any) -> None:
    assert "toy_" not in command("catalog", "space").out


def test_an_unknown_kind_is_a_usage_error(command: Any) -> None:
    answer = command("catalog", "spices")
    assert answer.code == 2
    assert "no kind 'spices'" in answer.err


def test_a_row_whose_extra_is_missing_says_how_to_get_it(command: Any, monkeypatch: Any) -> None:
    from archsmith.core.errors import MissingExtraError

    def missing(path: str) -> type:
        raise MissingExtraError.of("torch", "train", path)

    monkeypatch.setattr(catalog, "load", missing)
    (row, *_) = command("catalog", "strategy", "--json").json
    assert 'pip install "archsmith[train]"' in row["missing"]


def test_a_class_of_another_kind_says_so(command: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(catalog, "load", lambda path: dict)
    for kind, method in (("strategy", "ask"), ("space", "decide"), ("evaluator", "evaluate")):
        (row, *_) = command("catalog", kind, "--json").json
        assert row["missing"] == f"dict has no method {method}, so it is no {kind}."
