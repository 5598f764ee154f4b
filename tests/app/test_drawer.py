"""The process that draws: what it makes of orders, good and bad."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsmith import catalog
from archsmith.app import drawer
from archsmith.app.drawer import answer
from archsmith.core.seeds import generator
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.nasnet import NasNet


def order(space: NetworkSpace, **more: Any) -> dict[str, Any]:
    architecture = space.sample(generator(0, "drawn"))
    return {"space": catalog.to_spec(space), "architecture": dict(architecture), **more}


def test_a_network_is_drawn_as_a_whole_and_in_its_cells() -> None:
    made = answer(order(NasNet(blocks=2), what=drawer.DRAWING))
    assert made["titles"][0] == "Whole network" and any("cell" in title for title in made["titles"][1:])
    for i in range(len(made["titles"])):
        assert made[f"drawing{i}"].startswith("<svg ") and "<script" not in made[f"drawing{i}"]
    assert made["params"] > 1000 and made["macs"] > made["params"] and made["saved_bytes"] > 0


def test_a_stored_graph_is_drawn(tmp_path: Path) -> None:
    space = ConvStages()
    graph = space.graph(space.sample(generator(0, "stored")))
    (tmp_path / "graph.json").write_text(json.dumps(graph.to_dict()), encoding="utf-8")
    made = answer({"file": str(tmp_path / "graph.json")})
    assert made["n_operations"] == len(graph.nodes)
    (tmp_path / "graph.json").write_text("{}", encoding="utf-8")
    assert "not a whole graph" in answer({"file": str(tmp_path / "graph.json")})["error"]


def test_a_network_is_written_as_pytorch() -> None:
    made = answer(order(ConvStages(), what=drawer.SOURCE))
    assert "class Network(nn.Module)" in made["source"]
    compile(made["source"], "network.py", "exec")


def test_no_module_that_a_log_names_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil_space.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = answer({"space": {"type": "evil_space:Space", "args": {}}, "architecture": {}})
    assert "evil_space" in made["error"] and "imported" not in made["error"]
    assert made["hint"] == "If you trust it: archsmith --import evil_space draw STUDY --trial N"
    assert "evil_space" not in sys.modules


@pytest.mark.parametrize(
    "space", [{"type": "toy_flat", "args": {}}, {"type": "conv_stages", "args": {"n_outputs": "many"}}, None, 3]
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(space: Any) -> None:
    made = answer({"space": space, "architecture": {"depth": 1}})
    assert made["error"].rstrip().endswith(".") and "Traceback" not in made["error"]


def test_a_network_too_large_to_show_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer, "LARGEST_ANSWER", 100)
    assert "too large" in answer(order(ConvStages()))["error"]


def test_the_process_answers_in_json_and_loads_no_torch() -> None:
    code = (
        "import sys, archsmith.app.drawer as d; d.main(); "
        "assert not {'torch', 'pandas', 'nicegui', 'fastapi'} & {*sys.modules}"
    )
    text = json.dumps(order(ConvStages()))
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["titles"][0] == "Whole network"


def test_it_draws_where_there_are_no_limits_of_processes() -> None:
    code = "import sys; sys.modules['resource'] = None; import archsmith.app.drawer as d; d.main()"  # as on Windows
    text = json.dumps(order(ConvStages()))
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["titles"][0] == "Whole network"
