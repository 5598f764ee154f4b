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
from archsmith.graphs.source import source
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace
from archsmith.spaces.zoo import ZOO

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


def test_draw_the_best_of_a_pool_whatever_work_it_had(command: Any, tmp_path: Path) -> None:
    words = ("search", "--space", "nasbench201", "--evaluator", "cost", "--minimize", "params", "--trials", "2")
    study = command(*words, "--json").json
    store = SqliteStore(tmp_path / "pool")
    store.acquire()
    for event in Workspace().open(study["study"]).read():
        if event.kind == "study":
            event.data["problem"]["fidelity"] = ["work", 1.0, 4.0]
        for row in event.data.get("trials") or ():
            row["fidelity"] = 4.0 - 3.0 * (row["id"] == study["best"]["trial"])
        store.append([event])
    store.close()
    drawn = command("draw", str(tmp_path / "pool"), "--json").json
    assert drawn["title"] == f"pool trial {study['best']['trial']}"


def test_draw_the_exported_network_of_a_study_without_a_search(command: Any, tmp_path: Path) -> None:
    study = command(
        "search", "--space", "nasbench201", "--evaluator", "cost", "--minimize", "params", "--trials", "1", "--json"
    ).json["study"]
    began = next(Workspace().open(study).read())
    store = SqliteStore(tmp_path / "without")
    store.acquire()
    store.append([began])
    store.close()
    assert "no finished trial yet" in command("draw", str(tmp_path / "without")).err
    (tmp_path / "without" / "final").mkdir()
    graph = ZOO["nasnet_a_cifar"].graph()
    (tmp_path / "without" / "final" / "graph.json").write_text(json.dumps(graph.to_dict()))
    drawn = command("draw", str(tmp_path / "without"), "--json")
    assert drawn.json["title"] == "without exported network"
    assert title_of(Path(drawn.json["file"]).read_text())


def test_a_study_without_networks_cannot_be_drawn(command: Any) -> None:
    study = command("search", "--trials", "2", "--json").json
    for words in (("draw", study["study"]), ("draw", "last", "--space", "conv_stages"), ("source", "last")):
        answer = command(*words)
        assert (answer.code, answer.out) == (2, "")
        assert f"The architectures of the study {study['study']} are settings, not networks." in answer.err
        assert answer.err.endswith(f"See them with: archsmith studies show {study['study']}\n")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nothing",), "'nothing' is no network of the zoo, no file, no bundle and no study."),
        (("nasnet_a_cifar", "--cell", "StrangeCell"), "has no cell 'StrangeCell'. Its top level has:"),
        (("nasnet_a_cifar", "--cell", "NormalCell", "--network"), "exclude each other"),
        (("nasnet_a_cifar", "--json", "--out", "-"), "both write to standard output"),
        (
            ("nasnet_a_cifar", "--out", "here/net.png"),
            "A drawing is written as SVG, not as .png. Give --out here/net.svg",
        ),
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


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'{"a": ' + b"1" * (17 << 20)])
def test_whatever_is_in_a_file_is_refused_in_a_line(command: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    answer = command("draw", "a.json", "--space", "nasnet")
    assert answer.code == 2 and answer.err.count("\n") == 1 and "Internal error" not in answer.err


# A network of a space, and source


def test_draw_the_network_that_a_space_names_first_or_a_random_one(command: Any, tmp_path: Path) -> None:
    from archsmith.spaces.conv_stages import ConvStages

    space = ConvStages(n_outputs=5)
    assert command("draw", "--space", "conv_stages", *SMALL, "--json").json["file"] == "conv_stages.svg"
    first = command("source", "--space", "conv_stages", *SMALL).out
    named = space.first()
    assert named is not None and first == source(space.graph(named))
    drawn = command("draw", "--space", "conv_stages", "--seed", "3", "--json").json
    assert drawn == {"file": "conv_stages_seed_3.svg", "title": "conv_stages seed 3", "cell": None}
    third = [command("source", "--space", "conv_stages", "--seed", "3").out for _ in range(2)]
    assert third[0] == third[1] != command("source", "--space", "conv_stages", "--seed", "4").out


def test_source_is_that_of_the_network_and_runs(command: Any, architecture: Path, tmp_path: Path) -> None:
    import torch

    answer = command("source", architecture, "--space", "conv_stages", *SMALL, "--out", "made/net.py", "--json").json
    assert answer["file"] == str(Path("made/net.py")) and answer["title"] == "architecture"
    made: dict[str, Any] = {}
    exec((tmp_path / "made" / "net.py").read_text(), made)
    network = made["Network"]()
    assert sum(p.numel() for p in network.parameters()) == answer["params"]
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 5)


def test_source_of_the_zoo_and_of_a_trial(command: Any) -> None:
    assert command("source", "nasnet_a_cifar").out.startswith('"""Network: image (N, 3, 32, 32) -> class (N, 10).')
    study = command(
        "search", "--space", "nasbench201", "--evaluator", "cost", "--minimize", "params", "--trials", "2", "--json"
    ).json
    outs = [command("source", study["study"], "--trial", trial).out for trial in ("0", "1")]
    assert all("class Network(nn.Module):" in out for out in outs) and outs[0] != outs[1]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("source",), "There is no network to take."),
        (("source", "conv_stages"), "give --space conv_stages"),
        (("source", "nasnet_a_cifar", "--seed", "1"), "--seed is for a network of a space."),
        (("source", "nasnet_a_cifar", "--json"), "both write to standard output"),
        (("source", "--space", "toy_flat"), "Flat has no networks"),
    ],
)
def test_what_has_no_source_is_a_usage_error(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command(*words)
    assert (answer.code, answer.out) == (2, "")
    assert part in answer.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nasnet_a_cifar", "--trial", "1"), "--trial is for a study, and 'nasnet_a_cifar' is a network of the zoo."),
        (
            ("nasnet_a_cifar", "--space", "nasnet"),
            "--space is for a file with an architecture, and 'nasnet_a_cifar' is",
        ),
        (
            ("nasnet_a_cifar", "--set", "space.n_outputs=5"),
            "--set is for a space, and 'nasnet_a_cifar' is a network of",
        ),
        (("--space", "nasnet", "--trial", "1"), "--trial is for a study, and a space has no trials."),
        (("a.json", "--space", "nasnet", "--trial", "1"), "--trial is for a study, and 'a.json' is a file."),
        (("bundle", "--set", "space.n_outputs=5"), "--set is for a space, and 'bundle' is a bundle."),
        (("mine", "--space", "nasnet"), "--space is for a file with an architecture, and 'mine' is a study."),
    ],
)
def test_what_would_have_no_effect_is_refused(command: Any, tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    (tmp_path / "a.json").write_text("{}")
    shutil.copytree(FIXTURES / "bundle_classes", tmp_path / "bundle")
    goal = ("--space", "nasbench201", "--evaluator", "cost", "--minimize", "params", "--trials", "1")
    assert words[0] != "mine" or command("search", *goal, "--name", "mine").code == 0
    for verb in ("draw", "source"):
        answer = command(verb, *words)
        assert (answer.code, answer.out) == (2, "") and part in answer.err, answer.err


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


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nasnet_a_cifr",), "Did you mean 'nasnet_a_cifar'?"),
        (("my_space:TreeCells", "--seed", "1"), "--space my_space:TreeCells"),
        (("my_space:TreeCells",), "--space my_space:TreeCells"),
        (("--space", "nasnet", "--set", "filters=8"), "space.filters=8"),
    ],
)
def test_a_slip_gets_a_hint_that_fits(command: Any, words: tuple[str, ...], part: str) -> None:
    answer = command("draw", *words)
    assert (answer.code, answer.out) == (2, "") and part in answer.err
