from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.core.errors import StudyError
from archsmith.runtime.comparison.looks import LOOKS, Look, add_look, read_looks


def test_a_look_at_another_number_of_runs_is_kept_with_its_time(tmp_path: Path) -> None:
    assert read_looks(tmp_path) == ()
    for runs in (10, 10, 20, 10):
        add_look(tmp_path, runs)
    looks = read_looks(tmp_path)
    assert [look.runs for look in looks] == [10, 20]
    assert looks[0].time <= looks[1].time
    assert looks[0] == Look(json.loads((tmp_path / LOOKS).read_text())["looks"][0]["time"], 10)


@pytest.mark.parametrize("text", ["{", "[]", '{"looks": 3}', '{"looks": [{"runs": 3}]}', '{"looks": [[1, 2]]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / LOOKS).write_text(text)
    with pytest.raises(StudyError, match=r"looks\.json is damaged"):
        read_looks(tmp_path)
