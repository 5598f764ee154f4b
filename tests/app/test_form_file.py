from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from archsmith.app import form_file
from archsmith.app.form_file import is_form, one_file
from archsmith.server.refusals import Refusal

KIND = "multipart/form-data; boundary=xYz"
HEAD = b'--xYz\r\nContent-Disposition: form-data; name="file"; filename="a b.csv"\r\nContent-Type: text/csv\r\n\r\n'
CONTENT = b"a,b\r\n1,2\r\n--xY\r\n\0\xff" * 1000
FORM = HEAD + CONTENT + b"\r\n--xYz--\r\n"


async def read(body: bytes, kind: str = KIND, step: int = 700) -> tuple[str, bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), step):
            yield body[at : at + step]

    name, rest = await one_file(kind, chunks())
    return name, b"".join([piece async for piece in rest])


@pytest.mark.parametrize("step", [1, 7, 700, 10**6])
def test_name_and_content_come_out_as_they_went_in(step: int) -> None:
    assert asyncio.run(read(FORM, step=step)) == ("a b.csv", CONTENT)


def test_it_is_read_as_it_comes() -> None:
    async def first() -> bytes:
        async def chunks() -> AsyncIterator[bytes]:
            yield HEAD + b"x" * 5000
            raise AssertionError("more was read than was asked for")

        _, rest = await one_file(KIND, chunks())
        return await anext(rest)

    assert asyncio.run(first()).startswith(b"x" * 4000)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (FORM, "multipart/form-data", "no boundary"),
        (FORM, "multipart/form-data; boundary=" + "x" * 300, "no boundary"),
        (FORM, "multipart/form-data; boundary=other", "cannot be read"),
        (b"", KIND, "no file"),
        (b"--xYz--\r\n", KIND, "no file|cannot be read"),
        (HEAD + CONTENT, KIND, "cut off"),
        (FORM[:-12] + b"\r\n" + FORM, KIND, "more than one part"),
        (b'--xYz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--xYz--\r\n', KIND, "is no file"),
        (b"--xYz\r\nContent-Type: text/csv\r\n\r\n1\r\n--xYz--\r\n", KIND, "is no file"),
        (b"--xYz\r\nX: " + b"x" * 400_000, KIND, "cannot be read|no file|too long"),
    ],
)
def test_anything_else_is_refused(body: bytes, kind: str, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refused:
        asyncio.run(read(body, kind, step=4096))
    assert refused.value.status == 400


def test_a_form_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_file, "SLOW_SECONDS", 0.01)

    async def wait() -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"--xYz\r\n"
            await asyncio.sleep(60)

        await one_file(KIND, chunks())

    with pytest.raises(Refusal, match="too slowly"):
        asyncio.run(wait())


def test_forms_are_known_by_their_content_type() -> None:
    assert is_form("Multipart/Form-Data; boundary=x")
    assert not is_form("application/x-www-form-urlencoded") and not is_form("")
