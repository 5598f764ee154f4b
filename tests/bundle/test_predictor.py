from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor
from archsmith.bundle.manifest import MANIFEST, MODEL, checksum
from archsmith.core.errors import ArchsmithError, UsageError

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_probabilities_and_names(predictor: Predictor, exported: Any) -> None:
    probabilities = predictor.predict_proba(exported.raw)
    assert probabilities.shape == (len(exported.raw), 4) and probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert predictor.predict(exported.raw) == [predictor.classes[i] for i in probabilities.argmax(axis=1)]
    assert len(set(predictor.predict(exported.raw))) > 1
    assert predictor.classes == exported.task.classes
    assert predictor.manifest.facts.seed == 3


def test_damaged_bundles_are_refused(exported: Any, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exported.folder, folder)
    content = bytearray((folder / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.onnx is not the one"):
        Predictor(folder)

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MODEL).write_bytes(b"no network")
    manifest["files"][MODEL] = checksum(b"no network")
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UsageError, match="cannot load"):
        Predictor(folder)

    (folder / MODEL).unlink()
    with pytest.raises(UsageError, match=r"lost its model\.onnx"):
        Predictor(folder)


def test_a_model_that_does_not_fit_its_manifest_is_refused(exported: Any, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exported.folder, folder)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["task"]["outputs"][0].update(n=2, classes=["a", "b"])
    manifest["output"]["classes"] = ["a", "b"]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UsageError, match="does not fit its manifest"):
        Predictor(folder)


def test_a_model_that_fails_says_so_in_our_sentence_alone(exported: Any, tmp_path: Path, capfd: Any) -> None:
    """onnxruntime writes errors to the terminal by itself, in colours."""
    folder = Path(shutil.copytree(exported.folder, tmp_path / "bundle"))
    model = onnx.load(folder / "model.onnx")
    last = model.graph.node[-1].output[0]
    model.graph.node[-1].output[0] = "before"
    sizes = onnx.helper.make_tensor("sizes", onnx.TensorProto.INT64, [3], [2**20, 2**20, 2**20])
    model.graph.initializer.append(sizes)
    model.graph.node.append(onnx.helper.make_node("ConstantOfShape", ["sizes"], ["zeros"]))
    model.graph.node.append(onnx.helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0))
    model.graph.node.append(onnx.helper.make_node("Add", ["before", "sum"], [last]))
    content = model.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["model.onnx"] = checksum(content)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ArchsmithError, match="could not run the network"):
        Predictor(folder).predict(exported.raw[0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("folder", [None, 5, b"bundle", ["bundle"]])
def test_what_is_no_path_is_no_bundle(folder: Any) -> None:
    with pytest.raises(UsageError, match="A bundle is a folder"):
        Predictor(folder)


def test_threads_must_be_positive(exported: Any) -> None:
    with pytest.raises(UsageError, match="threads is 0"):
        Predictor(exported.folder, threads=0)


def test_regression_targets_come_in_their_own_unit(years: Any) -> None:
    predictor = Predictor(years.folder, threads=1)
    values = predictor.predict(years.raw)
    assert isinstance(values, np.ndarray) and values.shape == (len(years.raw),) and values.dtype == np.float32
    assert predictor.is_regression and predictor.classes == ()
    assert "regression target 'year'" in repr(predictor)
    assert predictor.predict([]).shape == (0,)  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="no probabilities. Call predict"):
        predictor.predict_proba(years.raw)


def test_a_model_that_does_not_fit_its_columns_is_refused(people: Any, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(people.folder, folder)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    del manifest["inputs"][0]["columns"][0]
    manifest["task"]["inputs"][0]["shape"] = [2]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(UsageError, match="does not fit its manifest"):
        Predictor(folder)


HEAVY = ("torch", "onnx", "safetensors", "pandas", "pyarrow", "sklearn", "scipy")


@pytest.mark.parametrize("kind", ["pictures", "rows"])
def test_predicts_where_nothing_else_is_installed(exported: Any, people: Any, tmp_path: Path, kind: str) -> None:
    """Without torch, pandas and the like, and without a word."""
    (tmp_path / "t.csv").write_text("age,job,hired,number,sex\n31,clerk,2019-05-06,1000000003,m\n,,,,\n")
    given = "numpy.zeros((2, 50, 40, 3), numpy.uint8)" if kind == "pictures" else repr(str(tmp_path / "t.csv"))
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY})); import numpy; "
        "from archsmith.bundle import Predictor; "
        f"names = Predictor(sys.argv[1]).predict({given}); assert len(names) == 2"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    folder = exported.folder if kind == "pictures" else people.folder
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
