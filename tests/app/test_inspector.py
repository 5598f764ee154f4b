"""The process that looks at data: what it finds, what it refuses, and its limits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.app import inspector
from archsmith.app.inspector import ASKED, FACTS, LOCK, MEASURED, Asked
from archsmith.core.errors import UsageError
from archsmith.data.lock import FileLock


def looked(folder: Path, source: Path | str, **asked: Any) -> dict[str, Any]:
    """The facts of ``source``, which lies in ``folder`` unless it is the sample."""
    inside = None if source == inspector.DIGITS else str(Path(source).parent)
    wanted = Asked(str(source), inside, str(folder / "workspace"), "look-1", **asked)
    (folder / ASKED).write_text(json.dumps(asdict(wanted)))
    assert inspector.check(folder) == 0
    return inspector.read(folder / FACTS)


@pytest.mark.usefixtures("looking")
def test_a_zip_of_class_folders_is_understood(tmp_path: Path, zipped: Path) -> None:
    facts = looked(tmp_path, zipped)
    assert (facts["kind"], facts["task"]) == ("image", "classification")
    assert set(facts["findings"]["classes"]) == {"<b>square", "round"}
    assert facts["pictures"][0]["label"] == "<b>square"
    assert (tmp_path / facts["wall"] / facts["pictures"][0]["file"]).read_bytes()[1:4] == b"PNG"
    assert facts["strategies"] and facts["spaces"] and facts["asked"] == "look-1"
    assert inspector.read(tmp_path / MEASURED)["asked"] == "look-1"


@pytest.mark.usefixtures("looking")
def test_an_unclear_table_tells_its_columns(tmp_path: Path, table: Path) -> None:
    facts = looked(tmp_path, table)
    assert facts["refused"]
    assert "'label' or 'class'" in facts["message"]
    assert facts["headings"] == ["size", "<i>colour</i>", "note", "label", "class"]
    assert not (tmp_path / MEASURED).exists()


@pytest.mark.usefixtures("looking")
def test_a_target_and_a_task_may_be_asked_for(tmp_path: Path, table: Path) -> None:
    facts = looked(tmp_path, table, target="size", task="regression")
    assert (facts["task"], facts["target"]) == ("regression", "size")
    assert sum(facts["histogram"]["counts"]) == facts["findings"]["n_examples"]["train"]
    again = looked(tmp_path, table, target="label")
    assert (again["task"], again["target"], again["histogram"]) == ("classification", "label", None)


@pytest.mark.usefixtures("looking")
def test_pictures_of_earlier_looks_are_removed(tmp_path: Path, zipped: Path) -> None:
    first, second = looked(tmp_path, zipped)["wall"], looked(tmp_path, zipped)["wall"]
    assert not (tmp_path / first).exists()
    assert (tmp_path / second).is_dir()


@pytest.mark.usefixtures("looking")
def test_what_breaks_a_reader_is_told_in_a_sentence(
    tmp_path: Path, zipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(asked: Asked) -> None:
        raise MemoryError

    monkeypatch.setattr(inspector, "_confined", broken)
    assert "needs more memory" in looked(tmp_path, zipped)["message"]


@pytest.mark.usefixtures("looking")
def test_one_process_looks_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "PATIENCE", 0.0)
    lock = FileLock(tmp_path / LOCK)
    assert lock.take()
    with lock:
        assert inspector.check(tmp_path) == 0
    assert not (tmp_path / FACTS).exists()


def hostile(path: Path, *members: tuple[str, bytes], link: bool = False) -> Path:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o120777 if link else 0o644) << 16
            archive.writestr(entry, content)
    path.write_bytes(made.getvalue())
    return path


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.zip", b"this is no zip", "not a zip archive"),
        ("cut.zip", b"PK\x03\x04" + b"\0" * 100, "cut off"),
        ("t.parquet", b"PAR1nothing", "not a whole Parquet file"),
        ("t.csv", b"a,b\0\n\x01\x02", ""),
        ("x.npz", b"no arrays", "not a whole .npz"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + b"\x7f" * 12, "claims"),
        ("t.csv.gz", b"\x1f\x8bbroken", "not a whole gzip"),
        ("a.tar.gz", b"\x1f\x8b", ""),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    wrong = inspector.wrong_with(tmp_path / name)
    assert said in str(wrong["message"])
    assert str(tmp_path) not in json.dumps(wrong), "the place on this machine is nobody's business"


def test_what_may_do_harm_is_refused(tmp_path: Path) -> None:
    out = hostile(tmp_path / "slip.zip", ("../evil.png", b"x"))
    assert "leads out of it" in str(inspector.wrong_with(out)["message"])
    linked = hostile(tmp_path / "link.zip", ("a/link.png", b"/etc/passwd"), link=True)
    assert "holds a link" in str(inspector.wrong_with(linked)["message"])
    bomb = hostile(tmp_path / "bomb.zip", ("a/x.png", bytes(60_000_000)))
    assert "unpacks to" in str(inspector.wrong_with(bomb)["message"])
    np.savez(tmp_path / "objects.npz", x_train=np.array([{}] * 20, object), y_train=np.arange(20) % 2)
    assert "never unpickled" in str(inspector.wrong_with(tmp_path / "objects.npz")["message"])


def test_what_is_well_is_not_refused(zipped: Path, table: Path) -> None:
    assert inspector.wrong_with(zipped) == {}
    assert inspector.wrong_with(table) == {}  # which column is learnt is still open


def run(environment: dict[str, str], *lines: str) -> str:
    """What a new process with the limits says in the end."""
    code = "\n".join(("import time", "from archsmith.app import inspector as i", *lines))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes differ")
def test_the_process_has_a_limit_on_its_memory(environment: dict[str, str]) -> None:
    said = run(environment, "i.LEAST_MEMORY, i.MEMORY_SHARE = 2**29, 0", "with i._limits(): bytearray(2**30)")
    assert "MemoryError" in said


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes differ")
def test_data_that_need_more_than_the_limit_are_told_the_limit(environment: dict[str, str]) -> None:
    limit = "i.LEAST_MEMORY, i.MEMORY_SHARE = 2**29, 0"
    said = run(environment, limit, "with i._limits(): print(i._in_words(MemoryError(), None))")
    assert "needs more memory than the 537 MB that a check may take." in said and "from the command line" in said


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes differ")
def test_the_clock_ends_it_in_words(environment: dict[str, str]) -> None:
    assert "took more than" in run(environment, "i.CLOCK_SECONDS = 0.2", "with i._limits(): time.sleep(60)")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes differ")
def test_what_does_not_listen_is_ended(environment: dict[str, str]) -> None:
    deaf = ("import signal", "with i._limits():", " signal.signal(signal.SIGALRM, signal.SIG_IGN)", " time.sleep(60)")
    assert "Timeout" in run(environment, "i.CLOCK_SECONDS, i.GRACE_SECONDS = 0.1, 0.2", *deaf, "print('alive')")


def test_other_arguments_are_refused() -> None:
    with pytest.raises(UsageError):
        inspector.main(["look"])


@pytest.mark.slow
def test_a_process_of_its_own_finds_everything(tmp_path: Path, table: Path, environment: dict[str, str]) -> None:
    wanted = Asked(str(table), str(table.parent), str(tmp_path / "workspace"), "look-1", target="label")
    (tmp_path / ASKED).write_text(json.dumps(asdict(wanted)))
    command = [sys.executable, "-m", "archsmith.app.inspector", "check", str(tmp_path)]
    assert subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False).returncode == 0
    assert inspector.read(tmp_path / FACTS)["task"] == "classification"
    assert inspector.read(tmp_path / MEASURED)["speed"]["step_seconds"] > 0


def test_a_folder_of_the_app_is_never_named(tmp_path: Path) -> None:
    for split in ("valid", "t10k"):
        for kind, shape in (("images-idx3", (4, 5, 5)), ("labels-idx1", (4,))):
            head = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)
            (tmp_path / f"{split}-{kind}-ubyte").write_bytes(head + bytes(int(np.prod(shape))))
    said = inspector.wrong_with(tmp_path)
    assert said["message"] == "There are no training images among the IDX files."
    assert str(tmp_path) not in str(said)


def test_it_notes_how_long_the_rows_of_a_table_take() -> None:
    steps: dict[str, float] = {}
    inspector._timed(steps, "read")
    inspector._timed(steps, "encode")
    found = inspector._encoding(steps, 9_000)
    assert found is not None and found["n"] == 9_000 and found["fewest"] == 5_000 and found["seconds"] >= 0
    assert inspector._encoding({"decode": 1.0}, 9_000) is None
