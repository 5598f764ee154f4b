"""``/api/v1/data``: every route, and what is refused with which code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from archsmith.app.datasets import DataSet
from archsmith.app.house import House

Checked = Callable[[House, str], DataSet]
DATA = "/api/v1/data"
pytestmark = pytest.mark.usefixtures("looking")


@pytest.fixture
def sent(client: TestClient, house: House, checked: Checked) -> Iterator[Callable[[Path], str]]:
    """Sends a file, waits for its check, and returns the id of its data set, which is removed in the end."""
    made = []

    def send(path: Path) -> str:
        answer = client.post(DATA, params={"name": path.name}, content=path.read_bytes())
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        checked(house, made[-1])
        return str(made[-1])

    yield send
    for name in made:
        client.delete(f"{DATA}/{name}")


def error(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_the_list_ends_with_the_sample(client: TestClient) -> None:
    listed = client.get(DATA).json()["data"]
    assert (listed[-1]["id"], listed[-1]["origin"]) == ("digits", "sample")


def test_a_file_is_sent_checked_and_removed(client: TestClient, sent: Callable[[Path], str], zipped: Path) -> None:
    name = sent(zipped)
    found = client.get(f"{DATA}/{name}").json()
    assert (found["state"], found["facts"]["kind"], found["n_bytes"]) == ("ready", "image", zipped.stat().st_size)
    picture = client.get(f"{DATA}/{name}/pictures/0")
    assert (picture.headers["content-type"], picture.content[1:4]) == ("image/png", b"PNG")
    assert client.delete(f"{DATA}/{name}").status_code == 204
    assert "no such data set" in error(client.get(f"{DATA}/{name}"), 404)


def test_a_form_with_one_file_is_taken(client: TestClient, house: House, zipped: Path, checked: Checked) -> None:
    answer = client.post(DATA, files={"file": ("my shapes.zip", zipped.read_bytes(), "application/zip")})
    assert (answer.status_code, answer.json()["name"]) == (201, "my_shapes.zip")
    assert answer.json()["n_bytes"] == zipped.stat().st_size
    checked(house, answer.json()["id"])
    assert client.delete(f"{DATA}/{answer.json()['id']}").status_code == 204


def test_a_form_keeps_to_the_limits_and_leaves_nothing(
    client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.data.uploads, "most", 1000)
    assert "more than" in error(client.post(DATA, files={"file": ("a.csv", b"a,b\n" * 1000)}), 413)
    cut = client.post(
        DATA,
        content=b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\na,b\n',
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert "cut off" in error(cut, 400)
    assert "not read as data" in error(client.post(DATA, files={"file": ("a.exe", b"MZ")}), 415)
    assert not [*house.data.uploads.folder.glob("*.part")]


def test_a_file_without_a_name_is_told_how_to_be_sent(client: TestClient) -> None:
    answer = client.post(DATA, content=b"a,b")
    assert "has no name" in error(answer, 422)
    assert answer.json()["error"]["hint"] == f"Send it so: curl -F file=@data.csv http://testserver{DATA}"


def test_a_table_is_checked_with_another_target(
    client: TestClient, house: House, sent: Callable[[Path], str], table: Path, checked: Checked
) -> None:
    name = sent(table)
    assert client.get(f"{DATA}/{name}").json()["facts"]["headings"][0] == "size"
    answer = client.post(f"{DATA}/{name}/check", json={"target": "label"})
    assert answer.status_code == 202
    checked(house, name)
    assert client.get(f"{DATA}/{name}").json()["facts"]["target"] == "label"


def test_a_forecast_is_made_for_a_form(client: TestClient, sent: Callable[[Path], str], zipped: Path) -> None:
    name = sent(zipped)
    said = client.post(f"{DATA}/{name}/forecast", json={"form": {"budget": "600"}}).json()
    assert said["wrong"] == {}
    assert any("There is time for about" in line for line in said["lines"])
    wrong = client.post(f"{DATA}/{name}/forecast", json={"form": {"trials": "0"}}).json()
    assert list(wrong["wrong"]) == ["trials"]


def test_no_forecast_is_made_of_what_was_not_checked(
    client: TestClient, sent: Callable[[Path], str], table: Path, looking: None, house: House
) -> None:
    refused, wish = sent(table), {"form": {"budget": "600", "strategy": "evolution"}}
    assert client.get(f"{DATA}/{refused}").json()["state"] == "refused"
    answer = client.post(f"{DATA}/{refused}/forecast", json=wish)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")
    shutil.rmtree(house.data.folder / "digits", ignore_errors=True)  # as of a fresh app
    answer = client.post(f"{DATA}/digits/forecast", json=wish)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")
    assert client.get(f"{DATA}/digits").json()["n_bytes"] is None


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("empty.csv", b"", 422),
        ("text.zip", b"this is no zip", 422),
        ("program.exe", b"MZ", 415),
        ("model.pkl", b"\x80\x04.", 415),
        ("page.svg", b"<svg onload='alert(1)'/>", 415),
        ("../../x", b"x", 415),
    ],
)
def test_what_is_no_data_is_refused(client: TestClient, house: House, name: str, content: bytes, status: int) -> None:
    before = {each.id for each in house.data.list()}
    error(client.post(DATA, params={"name": name}, content=content), status)
    assert {each.id for each in house.data.list()} == before
    assert not list(house.data.uploads.folder.glob("*"))


def test_a_file_that_says_it_is_too_large_is_refused(client: TestClient, house: House) -> None:
    length = {"content-length": str(house.settings.upload_bytes + 1)}
    error(client.post(DATA, params={"name": "a.csv"}, content=b"x", headers=length), 413)


def test_a_file_that_is_shorter_than_it_says_is_refused(client: TestClient, house: House) -> None:
    error(client.post(DATA, params={"name": "a.csv"}, content=b"a,b\n", headers={"content-length": "100"}), 400)
    assert not list(house.data.uploads.folder.glob("*"))


def test_paths_need_an_allowed_folder(client: TestClient) -> None:
    assert "not allowed" in error(client.post(f"{DATA}/paths", json={"path": "/etc"}), 403)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/..%2f..%2fetc", None),
        ("GET", "/UPPER", None),
        ("GET", f"/{'x' * 100}", None),
        ("POST", "/digits/check", {"task": "magic"}),
        ("POST", "/digits/check", {"target": "x" * 2000}),
        ("POST", "/digits/check", {"source": "/etc/passwd"}),
        ("POST", "/digits/forecast", {"form": {"a": "x" * 3000}}),
        ("POST", "/digits/forecast", {"form": {"a": ["x"]}}),
        ("POST", "/paths", {}),
        ("GET", "/digits/pictures/48", None),
        ("GET", "/digits/pictures/-1", None),
    ],
)
def test_malformed_requests_are_refused(client: TestClient, method: str, path: str, body: Any) -> None:
    answer = client.request(method, DATA + path, json=body)
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]["message"]


def test_a_name_is_needed(client: TestClient) -> None:
    error(client.post(DATA, content=b"x"), 422)
    error(client.post(DATA, params={"name": "a.csv", "into": "../x"}, content=b"x"), 422)


def test_the_sample_stays(client: TestClient) -> None:
    assert "always there" in error(client.delete(f"{DATA}/digits"), 409)
