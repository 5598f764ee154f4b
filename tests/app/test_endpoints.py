from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archsmith.app import endpoints
from archsmith.app.endpoints import Endpoints, Started
from archsmith.app.house import House
from archsmith.runtime.lease import start_of
from archsmith.server.refusals import Refusal

Homes = dict[str, tuple[House, str]]


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no server of ours."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield child
    child.kill()
    child.wait()


def written(folder: Path, id: str, **more: Any) -> None:
    """It is written down that a server of that model runs."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {"pid": 1, "token": "", "address": "http://127.0.0.1:1", "since": 1.0, "bundle": "b"}
    (folder / f"{id}.json").write_text(json.dumps({**known, **more}), encoding="utf-8")


class Nowhere:
    """Models whose bundle is an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def whole(self, id: str) -> tuple[Path, Any]:
        return self.folder, SimpleNamespace(facts=SimpleNamespace(name="nothing", data={}))


def test_a_server_answers_outlives_its_app_and_is_stopped(homes: Homes, tmp_path: Path) -> None:
    house, id = homes["rows"]
    first = Endpoints(house.models, tmp_path)
    made = first.start(id)
    try:
        assert made.running and made.address is not None and made.curl is not None and made.error is None
        assert first.start(id).address == made.address  # the one that runs stays
        row = {"age": 40, "income": None, "city": "Bern", "member": "yes", "since": "2020-05-01"}
        body = json.dumps({"examples": [row, {**row, "age": 20}]}).encode()
        name = house.models.facts(id).name.lower()  # of what it has learnt from
        assert f"/v1/models/{name}/predict" in made.curl
        asked = urllib.request.Request(
            f"{made.address}/v1/models/{name}/predict", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert len(json.load(answer)["predictions"]) == 2
        with pytest.raises(urllib.error.HTTPError) as wrong:
            urllib.request.urlopen(urllib.request.Request(asked.full_url, b"{}"), timeout=20)
        wrong.value.close()
        again = Endpoints(house.models, tmp_path)  # as after a restart of the app
        assert again.all() == [id]
        found = again.get(id)
        assert (found.address, found.requests, found.examples, found.refused) == (made.address, 2, 2, 1)
    finally:
        ended = first.stop(id)
    assert not ended.running
    assert not Endpoints(house.models, tmp_path).get(id).running
    assert first.get(id).error is None


def test_the_number_of_an_ended_process_is_not_taken_for_it(
    tmp_path: Path, other: subprocess.Popen[bytes], homes: Homes
) -> None:
    written(tmp_path, "m", pid=other.pid, token="1")  # another start time
    served = Endpoints(homes["rows"][0].models, tmp_path)
    assert not served.get("m").running
    assert not served.stop("m").running
    assert other.poll() is None


def test_a_server_that_has_ended_by_itself_is_told(tmp_path: Path, homes: Homes) -> None:
    written(tmp_path, "m", pid=2**22 + 1, token="7")
    served = Endpoints(homes["rows"][0].models, tmp_path)
    assert served.get("m").error == "The server has ended by itself."
    (tmp_path / "m.log").write_text("Serving\nThe memory was too small.\n", encoding="utf-8")
    assert served.get("m").error == "The memory was too small."
    served.stop("m")
    assert served.get("m").error is None


@pytest.mark.parametrize("address", ["http://example.org:80", "http://127.0.0.1:1@evil", "file:///etc/passwd"])
def test_an_address_elsewhere_is_not_asked(
    tmp_path: Path, other: subprocess.Popen[bytes], homes: Homes, address: str
) -> None:
    written(tmp_path, "m", pid=other.pid, token=start_of(other.pid), address=address)
    assert Endpoints(homes["rows"][0].models, tmp_path).all() == []


def test_there_is_a_limit_to_how_many_run(
    tmp_path: Path, other: subprocess.Popen[bytes], homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST", 1)
    house, id = homes["rows"]
    written(tmp_path, "m", pid=other.pid, token=start_of(other.pid))
    with pytest.raises(Refusal, match="1 models are served already: m"):
        Endpoints(house.models, tmp_path).start(id)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    served = Endpoints(Nowhere(tmp_path / "empty"), tmp_path / "served")
    with pytest.raises(Refusal, match="no bundle"):
        served.start("m")
    assert served.all() == [] and not (tmp_path / "served" / "m.json").exists()


def test_a_server_that_says_nothing_is_told(tmp_path: Path, other: subprocess.Popen[bytes], homes: Homes) -> None:
    house, id = homes["rows"]
    runs = {"pid": other.pid, "token": start_of(other.pid), "bundle": str(house.models.whole(id)[0])}
    written(tmp_path, id, address="http://127.0.0.1:9", **runs)
    found = Endpoints(house.models, tmp_path).get(id)
    assert found.running and found.error == "The server does not say how it does."


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_file_is_no_server(tmp_path: Path, homes: Homes, text: str) -> None:
    (tmp_path / "m.json").write_text(text, encoding="utf-8")
    assert Endpoints(homes["rows"][0].models, tmp_path).all() == []


def test_what_is_written_down_is_read_again() -> None:
    made = Started(os.getpid(), start_of(os.getpid()), "http://127.0.0.1:1", 1.0, "b")
    assert made.runs
    assert not Started(**{**asdict(made), "token": ""}).runs


def test_a_server_of_a_place_where_the_model_is_not_any_more_is_told(
    tmp_path: Path, other: subprocess.Popen[bytes], homes: Homes
) -> None:
    house, id = homes["rows"]
    written(tmp_path, id, pid=other.pid, token=start_of(other.pid), bundle="/models/x")
    found = Endpoints(house.models, tmp_path).get(id)
    assert found.running and found.curl is None
    said = "It serves /models/x, where the bundle of this model is not any more. Stop it, and start it again."
    assert found.error == said


def test_what_a_full_disk_does_not_take_is_told_and_leaves_no_server(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, id = homes["rows"]
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="The server cannot be started: "):
        Endpoints(house.models, tmp_path / "file").start(id)

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    ended: list[str] = []
    child = SimpleNamespace(pid=os.getpid(), kill=lambda: ended.append("killed"), wait=lambda: ended.append("gone"))
    monkeypatch.setattr(endpoints.subprocess, "Popen", lambda *words, **more: child)
    monkeypatch.setattr(Endpoints, "_opened", lambda self, id, child: "http://127.0.0.1:1")
    monkeypatch.setattr(endpoints, "write_text", full)
    with pytest.raises(Refusal, match="No space left on device"):
        Endpoints(house.models, tmp_path).start(id)
    assert ended == ["killed", "gone"]
