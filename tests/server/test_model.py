"""A version of a model: what it says of itself, and how it runs."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import UsageError
from archsmith.server.model import BundleNetwork, load, signature
from archsmith.server.settings import Settings
from archsmith.server.tensors import Tensor


def loaded(folder: Path, **settings: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return load("m", folder, Settings(threads=1, **settings), pool)


def test_the_network_gives_what_the_predictor_gives(people_folder: Path, classes_folder: Path) -> None:
    for folder in (people_folder, classes_folder):
        network = BundleNetwork(folder)
        (found,) = network.run(network.sample(5))
        examples = network.predictor.manifest.intake.sample(5, np.random.default_rng(1))
        assert found.shape == (5, len(network.predictor.classes))
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert Predictor(folder).predict_proba(examples).shape == found.shape


def test_tensors_by_name(people_folder: Path, values_folder: Path) -> None:
    people = BundleNetwork(people_folder)
    assert people.inputs == (Tensor("numbers", "FP64", (-1, 2)), Tensor("categories", "BYTES", (-1, 1)))
    assert people.outputs == (Tensor("probabilities", "FP32", (-1, 3)),)
    values = BundleNetwork(values_folder)
    assert values.outputs == (Tensor("value", "FP32", (-1, 1)),)
    assert values.run(values.sample(3))[0].shape == (3, 1)


def test_what_it_says_of_itself(people_folder: Path, values_folder: Path) -> None:
    about = loaded(people_folder).about()
    assert about["kind"] == "classification" and about["classes"] == ["low", "middle", "high"]
    assert {"name", "version", "inputs", "metrics", "params", "created", "takes", "tensors"} <= about.keys()
    assert loaded(values_folder).about()["target"] == "value"


def test_the_version_is_that_of_the_content(classes_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(classes_folder, tmp_path / "copy"))
    assert loaded(copy).version == loaded(classes_folder).version
    (copy / "manifest.json").write_text((copy / "manifest.json").read_text() + "\n")
    assert loaded(copy).version != loaded(classes_folder).version


def test_the_signature_changes_with_the_files(copied: Path) -> None:
    before = signature(copied)
    assert before is not None and signature(copied) == before
    (copied / "model.onnx").write_bytes(b"x")
    assert signature(copied) != before
    assert signature(copied / "none") is None
    assert signature(copied / ("x" * 300)) is None  # the system refuses to look


def test_it_is_measured_when_it_is_loaded(classes_folder: Path) -> None:
    model = loaded(classes_folder)
    assert model.latency_ms > 0 and model.batcher.batch == 32


def test_a_bare_onnx_file_needs_the_permission(copied: Path) -> None:
    (copied / "manifest.json").unlink()
    with pytest.raises(UsageError, match="is no bundle: .*--allow-foreign"):
        loaded(copied)
    model = loaded(copied, foreign=True)
    assert model.about()["kind"] == "foreign" and model.batcher.batch == 1
    with pytest.raises(UsageError, match="takes tensors only"):
        _ = model.manifest
