from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from archsmith.app import model_files
from archsmith.app.house import House
from archsmith.app.model_files import FILES, files_of, missing_of, report_of, take, zipped
from archsmith.bundle.manifest import Manifest, check_files
from archsmith.core.errors import UsageError
from archsmith.server.refusals import Refusal


@pytest.fixture
def bundle(homes: dict[str, tuple[House, str]], tmp_path: Path) -> tuple[Path, Manifest]:
    """A copy of a bundle, and its manifest."""
    house, id = homes["rows"]
    folder, manifest = house.models.whole(id)
    return Path(shutil.copytree(folder, tmp_path / "bundle")), manifest


def test_every_file_that_is_there_is_listed_with_its_size(bundle: tuple[Path, Manifest]) -> None:
    folder, _ = bundle
    listed = {file.name: file.size for file in files_of(folder)}
    assert listed["model.onnx"] == (folder / "model.onnx").stat().st_size
    assert listed.keys() <= FILES.keys() and "report.html" not in listed
    assert listed["bundle.zip"] == sum(path.stat().st_size for path in folder.iterdir())


def test_the_whole_bundle_is_a_zip_that_is_a_bundle_again(bundle: tuple[Path, Manifest], tmp_path: Path) -> None:
    taken = take(*bundle, "bundle.zip")
    assert taken.name == "rows-bundle.zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(taken.pieces))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    assert check_files(tmp_path / "out" / "rows").params == 42


def test_a_file_goes_out_as_it_is(bundle: tuple[Path, Manifest]) -> None:
    folder, manifest = bundle
    taken = take(folder, manifest, "weights.safetensors")
    assert b"".join(taken.pieces) == (folder / "weights.safetensors").read_bytes()
    assert taken.size == (folder / "weights.safetensors").stat().st_size


@pytest.mark.parametrize("name", ["", "..", "../events.sqlite", "/etc/passwd", "secret.txt", "expected.npz", "a" * 500])
def test_a_name_that_is_not_listed_is_refused(bundle: tuple[Path, Manifest], name: str) -> None:
    (bundle[0] / "secret.txt").write_text("secret", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        take(*bundle, name)
    assert refused.value.status == 404


def test_a_link_out_of_the_bundle_is_not_followed(bundle: tuple[Path, Manifest], tmp_path: Path) -> None:
    folder, manifest = bundle
    (tmp_path / "secret").write_text("not for you", encoding="utf-8")
    (folder / "network.py").unlink()
    os.symlink(tmp_path / "secret", folder / "network.py")
    assert "network.py" not in {file.name for file in files_of(folder)}
    with pytest.raises(Refusal):
        take(folder, manifest, "network.py")
    assert b"not for you" not in b"".join(take(folder, manifest, "bundle.zip").pieces)


def test_pieces_are_small_and_come_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(5 * 2**20))
    pieces = list(zipped([("large", tmp_path / "large")]))
    assert max(map(len, pieces)) < 2**18
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.read("large") == (tmp_path / "large").read_bytes()


def test_a_web_page_is_offered_only_where_its_runtime_is(
    bundle: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "SITE", tmp_path)
    assert "web.zip" not in {file.name for file in files_of(bundle[0])}
    assert "onnxruntime-web" in missing_of(files_of(bundle[0]))
    vendor = tmp_path / model_files.VENDOR
    vendor.mkdir()
    for name in model_files.RUNTIME:
        (vendor / name).write_bytes(b"12345")
    listed = {file.name: file.size for file in files_of(bundle[0])}
    assert listed["web.zip"] == listed["model.onnx"] + 5 * len(model_files.RUNTIME)
    assert missing_of(files_of(bundle[0])) == ""


def test_a_web_page_that_cannot_be_made_says_so_at_once(
    bundle: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path) -> Path:
        raise UsageError("There is no onnxruntime-web.")

    monkeypatch.setattr(model_files, "write_page", fail)
    with pytest.raises(UsageError, match="onnxruntime-web"):
        take(*bundle, "web.zip")


def test_the_folder_of_a_web_page_is_removed_after_it_was_sent(
    bundle: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def write(source: Path, target: Path) -> Path:
        target.mkdir()
        (target / "index.html").write_text("page", encoding="utf-8")
        written.append(target)
        return target

    monkeypatch.setattr(model_files, "write_page", write)
    content = b"".join(take(*bundle, "web.zip").pieces)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["rows/index.html"]
    assert not written[0].parent.exists()


def test_the_report_of_a_bundle_without_one_is_that_of_its_study(bundle: tuple[Path, Manifest], tmp_path: Path) -> None:
    study = tmp_path / "a study"
    with pytest.raises(Refusal, match="no report") as refused:
        report_of(bundle[0], study)
    assert refused.value.hint == f"Write it with: archsmith report '{study}'"
    (study / "final").mkdir(parents=True)
    (study / "final" / "report.html").write_text("<p>Of the study", encoding="utf-8")
    assert report_of(bundle[0], study) == b"<p>Of the study"
    (bundle[0] / "report.html").write_text("<p>Report", encoding="utf-8")
    assert report_of(bundle[0], study) == b"<p>Report"
