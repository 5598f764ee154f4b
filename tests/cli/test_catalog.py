from __future__ import annotations

from typing import Any

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
