from __future__ import annotations

import json
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith import catalog
from archsmith.cli.networks import find_scope
from archsmith.core.errors import UsageError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"
SMALL = ("--set", "space.n_outputs=5")


@pytest.fixture
def architecture(command: Any, tmp_path: Path) -> Path:
    """A file with a random point of the default space."""
    space = catalog.build(catalog.get("space", "conv_stages"), {})
    file = tmp_path / "architecture.json"
    file.write_text(space.sample(np.random.default_rng(0)).to_json())
    return file


def title_of(svg: str) -> str:
    """The text of an SVG, which must be well-formed."""
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    return "".join(root.itertext())


def test_zoo_lists_every_network_with_its_published_parameters(command: Any) -> None:
    rows = {row["name"]: row for row in command("zoo", "--json").json}
    assert rows["nasnet_a_mobile"]["params"] == 5_289_978
    assert all(row["params"] > 0 and row["macs"] > 0 and row["source"] for row in rows.values())


def test_zoo_for_people_groups_digits(command: Any) -> None:
    assert "5,289,978" in command("zoo").out


def test_draw_a_network_of_the_zoo(command: Any, tmp_path: Path) -> None:
    answer = command("draw", "nasnet_a_cifar", "--json")
    assert answer.json["file"] == "nasnet_a_cifar.svg"
    assert "nasnet_a_cifar" in title_of((tmp_path / "nasnet_a_cifar.svg").read_text())


def test_draw_one_cell_by_its_kind(command: Any, tmp_path: Path) -> None:
    answer = command("draw", "nasnet_a_cifar", "--cell", "NormalCell", "--out", "pictures/cell.svg", "--json")
    assert answer.json["file"] == str(Path("pictures/cell.svg"))
    assert "sep 5×5" in title_of((tmp_path / "pictures" / "cell.svg").read_text())


def test_draw_to_standard_output(command: Any) -> None:
    title_of(command("draw", "nasnet_a_cifar", "--cell", "NormalCell", "--out", "-").out)


def test_draw_an_architecture_from_a_file(command: Any, architecture: Path, tmp_path: Path) -> None:
    answer = command("draw", architecture, "--space", "conv_stages", *SMALL)
    assert answer.code == 0
    title_of((tmp_path / "architecture.svg").read_text())


def test_an_architecture_in_a_file_needs_its_space(command: Any, architecture: Path) -> None:
    answer = command("draw", architecture)
    assert answer.code == 2
    assert "--space" in answer.err


def test_an_architecture_of_another_space_is_refused(command: Any, architecture: Path) -> None:
    answer = command("draw", architecture, "--space", "nasnet")
    assert answer.code == 2
    assert "decision" in answer.err


def test_draw_the_best_of_a_study_or_one_of_its_trials(command: Any) -> None:
    study = command(
        "search", "--space", "nasbench201", "--evaluator", "cost", "--minimize", "params", "--trials", "4", "--json"
    ).json
    best = command("draw", study["study"], "--json").json
    assert best["title"] == f"{study['study']} trial {study['best']['trial']}"
    assert command("draw", study["study"], "--trial", "2", "--json").json["title"].endswith("trial 2")
    assert "has no trial 9" in command("draw", study["study"], "--trial", "9").err


def test_a_study_without_networks_cannot_be_drawn(command: Any) -> None:
    study = command("search", "--trials", "2", "--json").json
    answer = command("draw", study["study"])
    assert answer.code == 2
    assert "Flat has no networks" in answer.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nothing",), "'nothing' is no network of the zoo, no file, no bundle and no study."),
        (("nasnet_a_cifar", "--cell", "StrangeCell"), "has no cell 'StrangeCell'. Its top level has:"),
        (("nasnet_a_cifar", "--cell", "NormalCell", "--network"), "exclude each other"),
        (("nasnet_a_cifar", "--json", "--out", "-"), "both write to standard output"),
    ],
)
def test_what_cannot_be_drawn_is_a_usage_error(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command("draw", *words)
    assert (answer.code, answer.out) == (2, "")
    assert part in answer.err


def test_cells_are_found_by_kind_in_any_case_and_by_path() -> None:
    from archsmith.spaces.zoo import ZOO

    entry = ZOO["nasnet_a_cifar"]
    graph = entry.space.graph(entry.architecture)
    path = find_scope(graph, "normalcell")
    assert graph.scopes[path].kind == "NormalCell"
    assert find_scope(graph, path) == path
    with pytest.raises(UsageError, match="NormalCell"):
        find_scope(graph, "nowhere")


def test_a_file_that_is_no_architecture_is_a_usage_error(command: Any, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps([1, 2]))
    answer = command("draw", "list.json", "--space", "nasnet")
    assert answer.code == 2
    assert "JSON object" in answer.err


# What somebody sent


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that can be found, and leaves a trace when it is imported."""
    trace = tmp_path / "trace"
    (tmp_path / "net_trap.py").write_text(
        f"open({str(trace)!r}, 'w').close()\nfrom archsmith.spaces.conv_stages import ConvStages as Space\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop("net_trap", None)


def test_drawing_a_bundle_imports_nothing_that_it_names(command: Any, tmp_path: Path, trap: Path) -> None:
    bundle = shutil.copytree(FIXTURES / "bundle_classes", tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    search = manifest["search"] if "search" in manifest else manifest["facts"]["search"]
    search.pop("graph", None)
    search["space_spec"]["type"] = "net_trap:Space"
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    answer = command("draw", bundle)
    assert answer.code == 2 and "archsmith --import net_trap" in answer.err
    assert not trap.exists()
    answer = command("--import", "net_trap", "draw", bundle)
    assert trap.exists() and answer.code == 0, answer.err
