from __future__ import annotations

import json
import os
import runpy
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from archsmith.bundle import export as module
from archsmith.bundle.export import export
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import (
    ARCHITECTURE,
    DOCKERFILE,
    FILES,
    MANIFEST,
    MODEL,
    REPORT,
    REQUIREMENTS,
    SOURCE,
    WEIGHTS,
    check_files,
    read,
)
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.task import Output, Task, image_classification
from archsmith.graphs.cost import cost


def instant(monkeypatch: pytest.MonkeyPatch, exported: Any) -> None:
    """The ONNX file of the exported network instead of seconds of exporting it again."""
    content = (exported.folder / MODEL).read_bytes()
    monkeypatch.setattr(module, "onnx_bytes", lambda network, exporter, output, told: content)


def again(exported: Any, folder: Path, **changes: Any) -> Any:
    return export(
        exported.network,
        exported.graph,
        exported.task,
        folder,
        **{"intake": read(exported.folder).intake, "examples": exported.raw, **changes},
    )


def test_the_folder_is_complete(exported: Any) -> None:
    assert {path.name for path in exported.folder.iterdir()} == {*FILES, MANIFEST, DOCKERFILE, REQUIREMENTS}
    assert {path.name for path in exported.folder.parent.iterdir()} == {"shapes"}
    manifest = check_files(exported.folder)
    assert set(manifest.files) == set(FILES)
    served = cost(exported.graph.without("auxiliary"))
    assert (manifest.params, manifest.macs) == (served.params, served.macs)
    assert manifest.verification is not None and manifest.verification["n"] == len(exported.raw)
    assert json.loads((exported.folder / ARCHITECTURE).read_text()) == {"depth": 2, "kernel": 3, "recipe/flip": False}


def test_all_files_may_be_read_by_the_same_people(exported: Any) -> None:
    assert len({path.stat().st_mode for path in exported.folder.iterdir()}) == 1


def test_its_source_finds_the_weights_from_any_working_folder(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network = runpy.run_path(str(exported.folder / "network.py"))["load"]()
    assert not network.training and len(network.state_dict())


def test_the_auxiliary_head_stays_at_home(exported: Any) -> None:
    weights = load_file(exported.folder / WEIGHTS)
    assert any(name.startswith("helping.") for name in exported.network.state_dict())
    assert set(weights) == {name for name in exported.network.state_dict() if not name.startswith("helping.")}
    assert "helping" not in (exported.folder / SOURCE).read_text(encoding="utf-8")


def test_verified_within_the_limits(exported: Any) -> None:
    assert exported.verification.max_difference <= 1e-5
    assert exported.verification.source_difference == 0.0
    assert exported.verification.accuracy_predictor == exported.verification.accuracy_torch


def test_the_model_tells_nothing_about_the_machine(exported: Any) -> None:
    content = (exported.folder / MODEL).read_bytes()
    for trace in (b"stack_trace", b"site-packages", b".py", os.fsencode(Path.home())):
        assert trace not in content


def test_the_model_itself_names_its_classes_and_its_input(exported: Any, years: Any) -> None:
    def told(folder: Path) -> dict[str, str]:
        session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])
        return dict(session.get_modelmeta().custom_metadata_map)

    assert tuple(json.loads(told(exported.folder)["classes"])) == read(exported.folder).classes
    assert "uint8 (n, height, width, 3)" in told(exported.folder)["input"]
    assert told(years.folder)["target"] == years.task.outputs[0].name and "classes" not in told(years.folder)


def test_another_export_is_quiet_and_leaves_the_network_alone(
    tiny: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graph, network = tiny(1, 9, 14, seed=1)
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    task = image_classification((1, 9, 14), ("a", "b", "c", "d"))
    intake = ImageIntake(9, 14, 1, (0.5,), (0.25,))
    verification = export(network, graph, task, tmp_path / "grey", intake=intake, temperature=1.7)
    assert verification.max_difference <= 1e-5 and verification.accuracy_predictor is None
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""


def test_an_old_bundle_is_replaced(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instant(monkeypatch, exported)
    folder = tmp_path / "deep" / "model"
    again(exported, folder)
    (folder / "__pycache__").mkdir()
    again(exported, folder, facts=module.Facts(seed=7))
    assert read(folder).facts.seed == 7
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize("content", ["notes.txt", "bundle with notes"])
def test_other_folders_are_not_replaced(exported: Any, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "mine"
    if content == "notes.txt":
        folder.mkdir()
    else:
        shutil.copytree(exported.folder, folder)
    (folder / "notes.txt").write_text("precious")
    with pytest.raises(UsageError, match=r"other than a bundle \(notes\.txt\)"):
        again(exported, folder)
    assert (folder / "notes.txt").read_text() == "precious"


def test_a_failed_verification_leaves_the_old_bundle(
    exported: Any, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant(monkeypatch, exported)
    folder = tmp_path / "model"
    again(exported, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    _, other = tiny(3, 16, 12, seed=5)
    with pytest.raises(ArchsmithError, match="differs from the trained one"):
        export(other, exported.graph, exported.task, folder, intake=read(exported.folder).intake)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_leftovers_of_killed_exports_are_swept(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instant(monkeypatch, exported)
    for name, age in ((".model.part-aaaa", 7200), (".model.part-bbbb", 10), (".model.old-cccc", 7200)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    again(exported, tmp_path / "model")
    # The young one may be at work; the old bundle may have been the only copy when its export was killed.
    assert {path.name for path in tmp_path.iterdir()} == {"model", ".model.part-bbbb", ".model.old-cccc"}


def test_the_report_of_the_same_study_stays(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instant(monkeypatch, exported)
    folder = tmp_path / "model"
    again(exported, folder, facts=module.Facts(study="one"))
    (folder / REPORT).write_text("<html>")
    again(exported, folder, facts=module.Facts(study="one", seed=2))
    assert (folder / REPORT).read_text() == "<html>" and read(folder).facts.seed == 2
    assert REPORT not in check_files(folder).files
    again(exported, folder, facts=module.Facts(study="two"))  # it would tell about another network
    assert not (folder / REPORT).exists()


def test_a_regression_target_leaves_in_its_own_unit(years: Any) -> None:
    """The exported model, its source and the trained network say the same, in the target's unit."""
    assert years.verification.max_difference <= 1e-5 and years.verification.source_difference == 0.0
    assert years.verification.accuracy_torch is None
    assert years.verification.rmse_predictor == pytest.approx(years.verification.rmse_torch, rel=1e-6)
    manifest = check_files(years.folder)
    assert (manifest.is_regression, manifest.classes) == (True, ())
    assert (manifest.output.mean, manifest.output.std) == (2000.0, 50.0)


@pytest.mark.parametrize(("task", "statistics"), [("regression", None), ("classification", (0.0, 1.0))])
def test_statistics_of_the_target_belong_to_regression(
    exported: Any, years: Any, tmp_path: Path, task: str, statistics: Any
) -> None:
    given = years if task == "regression" else exported
    with pytest.raises(UsageError, match="belong to a task with a regression target"):
        export(
            given.network,
            given.graph,
            given.task,
            tmp_path / "x",
            intake=read(given.folder).intake,
            target_statistics=statistics,
        )


def test_outputs_without_a_meaning_are_refused(exported: Any, tmp_path: Path) -> None:
    task = Task(exported.task.inputs, (Output("class", "classification", 2),), "cross_entropy", ("accuracy",))
    with pytest.raises(UsageError, match="Only networks that tell named classes or one regression target"):
        export(exported.network, exported.graph, task, tmp_path / "x", intake=read(exported.folder).intake)
    assert not list(tmp_path.iterdir())


def test_an_intake_of_other_inputs_is_refused(exported: Any, tmp_path: Path) -> None:
    intake = ImageIntake(8, 8, 1, (0.5,), (0.25,))
    with pytest.raises(UsageError, match=r"inputs image \(3, 16, 12\), but the bundle would take grey pictures, 1×8×8"):
        export(exported.network, exported.graph, exported.task, tmp_path / "x", intake=intake)
    assert not list(tmp_path.iterdir())


def test_targets_must_match(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instant(monkeypatch, exported)
    with pytest.raises(UsageError, match="but 2 targets"):
        again(exported, tmp_path / "x", targets=np.zeros(2, np.int64))
    assert not list(tmp_path.iterdir())
