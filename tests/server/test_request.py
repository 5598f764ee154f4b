"""Requests are read up to a limit, and what they hold is counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from archsmith.server.refusals import Refusal
from archsmith.server.request import Gone, Request, Room, as_json


def request(pieces: list[bytes], most: int = 100, room: Room | None = None, **headers: str) -> Request:
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "POST", "path": "/", "headers": pairs}
    return Request(scope, receive, room or Room(1000, 10), most)


def test_the_body_is_joined_and_counted_until_the_end() -> None:
    room = Room(1000, 10)
    found = request([b"ab", b"", b"cd"], room=room)
    assert asyncio.run(found.body()) == b"abcd" and found.is_read
    assert (room.n_bytes, room.n_requests) == (4, 1)
    found.end()
    assert (room.n_bytes, room.n_requests) == (0, 0)


def test_too_many_bytes_are_refused_before_and_while_they_are_read() -> None:
    with pytest.raises(Refusal) as before:
        asyncio.run(request([], most=3, content_length="4").body())
    with pytest.raises(Refusal) as during:
        asyncio.run(request([b"ab", b"cd", b"ef"], most=3).body())
    assert (before.value.status, during.value.status) == (413, 413)


def test_too_many_bytes_of_all_requests_are_refused() -> None:
    room = Room(5, 10)
    asyncio.run(request([b"abcd"], room=room).body())
    second = request([b"ef"], room=room)
    with pytest.raises(Refusal, match="as much data") as error:
        asyncio.run(second.body())
    assert error.value.status == 503
    second.end()
    assert room.n_bytes == 4


def test_too_many_requests_are_refused() -> None:
    room = Room(1000, 1)
    asyncio.run(request([b"a"], room=room).body())
    second = request([b"b"], room=room)
    with pytest.raises(Refusal, match="1 requests before"):
        asyncio.run(second.body())
    second.end()
    assert room.n_requests == 1


def test_a_client_that_went_away() -> None:
    with pytest.raises(Gone):
        asyncio.run(request([]).body())


def test_a_header_that_came_twice() -> None:
    scope = {"method": "GET", "path": "/", "headers": [(b"host", b"a"), (b"host", b"b")]}
    with pytest.raises(Refusal, match="'host' came twice"):
        Request(scope, lambda: None, Room(1, 1), 1)  # type: ignore[arg-type,return-value]


def test_content_type_without_parameters() -> None:
    assert request([], content_type="Application/JSON; charset=utf-8").content_type == "application/json"
    assert request([]).content_type == ""


def test_answers_are_json() -> None:
    assert as_json({"a": 1}).body == b'{"a":1}'
