from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.core.errors import StudyError
from archsmith.runtime.comparison.runs import Run, Step, read_run, write_json

STEPS = (Step(1, 2.0, ((0.5,),)), Step(3, 6.0, ((0.7,),)))
RUN = Run("random", 7, 3, 1, 6.0, 0.1, "trials", STEPS, STEPS, {"trial": 2, "metrics": {}, "architecture": {}}, "no")


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    write_json(tmp_path / "runs" / "result.json", RUN.to_dict())
    assert read_run(tmp_path / "runs" / "result.json") == RUN


def test_a_run_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    later = ("proposals", "n_error", "simulated")
    earlier = {name: value for name, value in RUN.to_dict().items() if name not in later}
    write_json(tmp_path / "result.json", earlier)
    assert read_run(tmp_path / "result.json").proposals is None


@pytest.mark.parametrize("text", ["{", "{}", "[]", json.dumps({**RUN.to_dict(), "curve": [1]})])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(StudyError, match="result.json is damaged"):
        read_run(tmp_path / "result.json")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be written"):
        write_json(tmp_path / "file" / "result.json", {})
