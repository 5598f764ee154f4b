"""Paths and methods lead to handlers."""

from __future__ import annotations

import pytest

from archsmith.server.refusals import Refusal
from archsmith.server.request import Answer
from archsmith.server.routes import Route, Router


async def handler(request: object, parts: object) -> Answer:
    return Answer(b"")


ROUTER = Router(
    Route(method, path, handler) for method, path in (("GET", "/a"), ("POST", "/a/{name}/b"), ("GET", "/a/{name}/b"))
)


def test_parts_of_the_path_by_name() -> None:
    route, parts = ROUTER.find("POST", "/a/x y/b")
    assert (route.method, route.path, parts) == ("POST", "/a/{name}/b", {"name": "x y"})
    assert ROUTER.find("HEAD", "/a")[0].method == "GET"


@pytest.mark.parametrize("path", ["", "/", "/a/", "/a//b", "/a/x/b/", "//a", "/b", "/a/../b/x"])
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(Refusal) as error:
        ROUTER.find("GET", path)
    assert error.value.status == 404


@pytest.mark.parametrize("path, allowed", [("/a", "GET, HEAD"), ("/a/x/b", "GET, HEAD, POST")])
def test_other_methods_are_told_which_there_are(path: str, allowed: str) -> None:
    with pytest.raises(Refusal) as error:
        ROUTER.find("DELETE", path)
    assert (error.value.status, error.value.headers) == (405, {"allow": allowed})
    assert error.value.hint == f"Use {allowed}."
