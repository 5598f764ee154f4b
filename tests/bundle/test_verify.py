from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archsmith.bundle import Predictor
from archsmith.bundle.export import export
from archsmith.bundle.manifest import MANIFEST, SOURCE, checksum, read
from archsmith.bundle.verify import _value_difference, verify
from archsmith.core.errors import ArchsmithError, UsageError


def test_files_and_arrays_are_verified_alike(exported: Any, tmp_path: Path) -> None:
    paths = []
    for i, image in enumerate(exported.raw[:6]):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(image).save(paths[-1])
    figures = verify(exported.folder, exported.network, exported.graph, paths, exported.targets[:6])
    assert figures.n == 6 and figures.max_difference <= 1e-5 and figures.seconds > 0


def test_it_says_how_many_examples_the_source_was_compared_on(exported: Any, people: Any) -> None:
    assert [picture.shape[:2] for picture in exported.raw[:3]] == [(16, 12), (16, 12), (40, 33)]
    assert (exported.verification.n, exported.verification.n_source) == (24, 2)  # those of one size
    assert people.verification.n_source == people.verification.n


def test_targets_give_the_accuracy(exported: Any) -> None:
    targets = Predictor(exported.folder).predict_proba(exported.raw).argmax(axis=1)
    targets[:6] = (targets[:6] + 1) % 4
    figures = verify(exported.folder, exported.network, exported.graph, exported.raw, targets)
    assert figures.accuracy_predictor == figures.accuracy_torch == pytest.approx(0.75)


def test_other_weights_are_found_out(exported: Any, tiny: Any) -> None:
    _, other = tiny(3, 16, 12, seed=9)
    with pytest.raises(ArchsmithError, match="differs from the trained one by"):
        verify(exported.folder, other, exported.graph, exported.raw)


def test_an_example_is_needed(exported: Any) -> None:
    with pytest.raises(UsageError, match="without examples"):
        verify(exported.folder, exported.network, exported.graph, [])


def test_a_received_source_is_never_run(exported: Any, tmp_path: Path) -> None:
    folder = tmp_path / "received"
    shutil.copytree(exported.folder, folder)
    text = f"open({str(tmp_path / 'ran')!r}, 'w')\n" + (folder / SOURCE).read_text(encoding="utf-8")
    (folder / SOURCE).write_text(text, encoding="utf-8")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][SOURCE] = checksum(text.encode())
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ArchsmithError, match="not written from this graph"):
        verify(folder, exported.network, exported.graph, exported.raw[:2])
    assert not (tmp_path / "ran").exists()


def test_the_source_predicts_without_this_library(exported: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", exported.raw[2][None])
    code = (
        "import sys; sys.path.insert(0, '.'); import numpy, torch; torch.set_num_threads(1); from network import *; "
        f"images = torch.from_numpy(numpy.load({str(tmp_path / 'image.npy')!r})); "
        "print((load()(preprocess(images)) / TEMPERATURE).softmax(1).tolist()[0], CLASSES); assert 'archsmith' not in "
        "sys.modules"
    )
    # -I leaves PYTHONPATH and site customisations out, so only the bundle's own folder is importable.
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code],
        cwd=exported.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = Predictor(exported.folder).predict_proba(exported.raw[2])[0]
    got = json.loads(done.stdout[: done.stdout.index("]") + 1])
    assert np.abs(np.array(got) - expected).max() < 1e-5
    assert "'line|dash'" in done.stdout


def test_the_words_at_the_top_of_the_source_work_as_they_stand(exported: Any, tmp_path: Path) -> None:
    """Copy the folder, save a picture that is half transparent and lies on its side, and run the lines that network.py
    shows a reader. They say what the predictor says.
    """
    folder = tmp_path / "bundle"
    shutil.copytree(exported.folder, folder)
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 28, 4), dtype=np.uint8), "RGBA")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(folder / "picture.png", exif=exif)
    lines = [line[6:] for line in (folder / "network.py").read_text().splitlines() if line.startswith("#     ")]
    done = subprocess.run(
        [sys.executable, "-B", "-c", "\n".join(lines)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == Predictor(folder).predict(folder / "picture.png")[0]


def test_targets_that_vary_little_around_a_large_mean(years: Any, tmp_path: Path) -> None:
    """float32 is coarse there, however the number is computed; that is no difference between two networks."""
    done = export(
        years.network,
        years.graph,
        years.task,
        tmp_path / "x",
        intake=read(years.folder).intake,
        target_statistics=(1.6e9, 1e5),
        examples=years.raw,
    )
    assert done.rmse_torch is None and done.max_difference <= 256 / 1e5


def test_values_far_out_differ_relative_to_their_distance() -> None:
    near, far = np.array([1.5, 2.5], np.float32), np.array([1e5, -1e5], np.float32)
    with pytest.raises(ArchsmithError, match=r"by 0\.0002 standard deviations"):
        _value_difference(near + np.float32(4e-4), near, mean=2.0, std=2.0)
    assert _value_difference(far * np.float32(1 + 1e-5), far, mean=2.0, std=2.0) == pytest.approx(1e-5, rel=0.05)
    with pytest.raises(ArchsmithError, match="standard deviations"):
        _value_difference(far * np.float32(1 + 2e-4), far, mean=2.0, std=2.0)


def test_another_regression_network_is_found_out(years: Any) -> None:
    other = copy.deepcopy(years.network)
    with torch.no_grad():
        for tensor in other.parameters():
            tensor.mul_(1.01)
    with pytest.raises(ArchsmithError, match="standard deviations"):
        verify(years.folder, other, years.graph, years.raw)
