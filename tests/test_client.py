"""The client, against a server that notes what it is sent, and against the real one."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from archsmith import client as module
from archsmith.client import MOST, Client, Unfinished
from archsmith.core.errors import ArchsmithError, UsageError


class Stub(ThreadingHTTPServer):
    """Answers everything with ``status`` and ``answer``, or with one prediction for each example. ``refuses`` gives the
    status and code with which examples are refused; None for none.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.status, self.answer = 200, b""
        self.refuses: Callable[[Any], tuple[int, str] | None] = lambda examples: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        predictions = [{"value": index} for index, _ in enumerate(body["examples"])] if body else []
        answer = self.server.answer or json.dumps({"models": [{"name": "m"}], "predictions": predictions}).encode()
        status = self.server.status
        if body and (refused := self.server.refuses(body["examples"])):
            status, code = refused
            answer = json.dumps({"error": {"code": code, "message": f"No {code}.", "hint": None}}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(stub: Stub, *examples: Any, **options: Any) -> Any:
    Client(stub.url).predict("m", examples, **options)
    return stub.asked[-1][3]


def test_the_models(stub: Stub) -> None:
    assert Client(f"{stub.url}/below/").models() == [{"name": "m"}]
    assert stub.asked[0][:2] == ("GET", "/below/v1/models")
    assert "Authorization" not in stub.asked[0][2]


def test_the_token_goes_along(stub: Stub) -> None:
    Client(stub.url, "secret").models()
    assert stub.asked[0][2]["Authorization"] == "Bearer secret"


def test_a_token_may_come_with_the_end_of_its_line(stub: Stub) -> None:
    Client(stub.url, "secret\n").models()
    assert stub.asked[0][2]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("token", ["sec\nret", "s\u00e9cret", "\u2026"])
def test_what_is_no_token_is_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="printable ASCII") as error:
        Client(token=token)
    assert token not in str(error.value)


def test_pictures_are_paths_bytes_or_arrays(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    file = {"image": base64.b64encode(b"picture").decode()}
    body = sent(stub, tmp_path / "a.png", str(tmp_path / "a.png"), b"picture", np.eye(2, dtype=np.uint8), top=3)
    assert body == {"examples": [file, file, file, [[1, 0], [0, 1]]], "top": 3}


def test_rows_are_json_whatever_they_are_made_of(stub: Stub) -> None:
    row = {"a": np.float32(1.5), "b": float("nan"), "c": None, "d": np.datetime64("2020-01-31"), "e": "x", "f": True}
    assert sent(stub, row) == {"examples": [{"a": 1.5, "b": None, "c": None, "d": "2020-01-31", "e": "x", "f": True}]}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (np.datetime64("2020-01-31", "ns"), "2020-01-31 00:00:00"),
        (np.datetime64("2020-01-31T10:20:30", "ns"), "2020-01-31 10:20:30"),
        (pd.Timestamp("2020-01-31"), "2020-01-31 00:00:00"),
        (Decimal("3.5"), 3.5),
        (Decimal("NaN"), None),
        (Decimal("sNaN"), None),
        (float("-inf"), "-inf"),
        (Decimal("Infinity"), "inf"),
    ],
)
def test_values_of_libraries_are_what_a_table_has(stub: Stub, value: Any, wanted: Any) -> None:
    assert sent(stub, {"a": value}) == {"examples": [{"a": wanted}]}


def test_a_table_of_pandas_is_its_rows(stub: Stub) -> None:
    Client(stub.url).predict("m", pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    assert stub.asked[0][3] == {"examples": [{"a": 1, "b": "x"}, {"a": 2, "b": None}]}


def test_many_examples_go_in_several_requests(stub: Stub) -> None:
    found = Client(stub.url).predict("m", ({"a": i} for i in range(MOST + 1)))
    assert len(found) == MOST + 1 and [len(asked[3]["examples"]) for asked in stub.asked] == [MOST, 1]
    assert Client(stub.url).predict("m", []) == []


def test_examples_that_cannot_be_read_have_an_error_in_their_place(stub: Stub) -> None:
    def refuses(examples: Any) -> tuple[int, str] | None:  # as the server does where it can read none
        return (422, "bad_example") if all(example["a"] < 0 for example in examples) else None

    stub.refuses = refuses
    values = [*range(MOST), -1, -2]
    found = Client(stub.url).predict("m", [{"a": value} for value in values])
    assert len(found) == len(values) and all("value" in prediction for prediction in found[:MOST])
    assert found[MOST:] == [{"error": "No bad_example."}] * 2
    assert Client(stub.url).predict("m", [{"a": -1}]) == [{"error": "No bad_example."}]
    stub.asked.clear()
    found = Client(stub.url).predict("m", [{"a": -1}] * (3 * MOST))  # a column that is misspelt, say
    assert [prediction["error"] for prediction in found[:: 2 * MOST]] == [
        "No bad_example.",
        f"None of {MOST} examples that were sent together can be read. No bad_example.",
    ]
    assert len(found) == 3 * MOST and len(stub.asked) == 3 + MOST


def test_what_was_predicted_before_a_request_failed_is_not_lost(stub: Stub, tmp_path: Path) -> None:
    stub.refuses = lambda examples: (503, "busy") if examples[0] == {"a": MOST} else None
    with pytest.raises(Unfinished, match=f"Only the first {MOST} examples.*No busy") as error:
        Client(stub.url).predict("m", [{"a": value} for value in range(MOST + 1)])
    assert error.value.predictions == [{"value": value} for value in range(MOST)]
    assert "No busy." == str(error.value.__cause__)
    with pytest.raises(Unfinished, match="cannot be read") as error:
        Client(stub.url).predict("m", [*[b"picture"] * MOST, b"picture", tmp_path / "none.png"])
    assert len(error.value.predictions) == MOST
    stub.refuses = lambda examples: (503, "busy")
    with pytest.raises(ArchsmithError) as first:  # nothing to keep
        Client(stub.url).predict("m", [{"a": 1}])
    assert type(first.value) is ArchsmithError


def test_large_examples_go_in_requests_of_their_own_and_are_not_held_together(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    asked: list[int] = []

    def pictures() -> Iterator[bytes]:
        for size in (300, 300, 300, 3000, 10):  # Base64 takes a third more
            asked.append(len(stub.asked))
            yield b"x" * size

    assert len(Client(stub.url).predict("m", pictures())) == 5
    assert [len(each[3]["examples"]) for each in stub.asked] == [2, 1, 1, 1]
    assert asked == [0, 0, 0, 1, 2]


def test_a_name_stays_within_its_part_of_the_path(stub: Stub) -> None:
    Client(stub.url).predict("../x?y", [{}])
    assert stub.asked[0][1] == "/v1/models/..%2Fx%3Fy/predict"


@pytest.mark.parametrize(("status", "kind"), [(404, UsageError), (422, UsageError), (503, ArchsmithError)])
def test_the_server_s_own_sentence_is_raised(stub: Stub, status: int, kind: type[ArchsmithError]) -> None:
    stub.status = status
    stub.answer = json.dumps({"error": {"code": "x", "message": "There is none.", "hint": "Look."}}).encode()
    with pytest.raises(ArchsmithError) as error:
        Client(stub.url).models()
    assert type(error.value) is kind and str(error.value) == "There is none. Look."


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"error": "text"}'])
def test_an_answer_of_something_else(stub: Stub, answer: bytes) -> None:
    stub.status, stub.answer = 502, answer
    with pytest.raises(ArchsmithError, match="502"):
        Client(stub.url).models()


def test_nobody_answers() -> None:
    with pytest.raises(ArchsmithError, match="does not answer"):
        Client("http://127.0.0.1:1").models()


def test_a_connection_that_breaks_is_no_server_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ArchsmithError, match="broke the connection off.*--max-mb"):
            Client(f"http://127.0.0.1:{listener.getsockname()[1]}").models()
        thread.join()


def test_a_host_that_cannot_be_looked_up() -> None:
    with pytest.raises(ArchsmithError, match="does not answer"):
        Client("http://models..example").models()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "localhost:8000",
        "http://",
        "file:///etc/passwd",
        "http://127.0.0.1:800O",
        "http://x:99999",
        "http://[::1:8000",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Client(url)


@pytest.mark.parametrize("examples", ["a.png", b"x", {"a": 1}])
def test_a_single_example_is_refused(examples: Any) -> None:
    with pytest.raises(UsageError, match="a list"):
        Client().predict("m", examples)


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Client().predict("m", [tmp_path / "none.png"])


def test_it_needs_nothing() -> None:
    lines = Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()
    assert {line.split()[1] for line in lines if line.startswith(("import", "from"))} <= {
        "__future__", "archsmith.core.errors", "base64", "collections.abc", "contextlib", "decimal", "http.client",
        "json", "os", "pathlib", "typing", "urllib.parse",
    }  # fmt: skip
