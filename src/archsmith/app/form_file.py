"""The one file of a form (``multipart/form-data``), read as it comes: nothing of it is kept, or spooled anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import python_multipart as library
from python_multipart.multipart import MultipartParser, parse_options_header

from archsmith.app.uploads import SLOW_SECONDS
from archsmith.server.refusals import Refusal, malformed

FORM = "multipart/form-data"
LONGEST_BOUNDARY = 200  # bytes
MOST_HEAD = 2**17  # bytes until the name of the file is known
LONGEST_NAME = 1_000  # characters of it
ONE = "Send one file in the form, and nothing else."


def is_form(content_type: str) -> bool:
    """Does a request with this content type send a form?"""
    return content_type.partition(";")[0].strip().lower() == FORM


async def one_file(content_type: str, chunks: AsyncIterator[bytes]) -> tuple[str, AsyncIterator[bytes]]:
    """The name of the file in a form, and its bytes as they come. Both raise Refusal for anything but a whole form with
    one file.
    """
    reader, n_bytes = _Reader(content_type), 0
    try:
        async with asyncio.timeout(SLOW_SECONDS):
            while reader.name is None:
                chunk = await anext(chunks, None)
                n_bytes += len(chunk or b"")
                if chunk is None or n_bytes > MOST_HEAD:
                    raise malformed("The form has no file in it.", ONE)
                reader.write(chunk)
    except TimeoutError as error:
        raise Refusal(408, "slow", "The file comes too slowly.", "Send it again.") from error
    return reader.name, _rest(reader, chunks)


async def _rest(reader: _Reader, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield reader.take()
    async for chunk in chunks:
        reader.write(chunk)
        yield reader.take()
    if not reader.whole:
        raise Refusal(400, "cut_off", "The form is cut off.", "Send the file again.")


class _Reader:
    """Fed with a form; gives the content of its file. ``name``: of that; None until it has come."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= LONGEST_BOUNDARY:
            raise malformed("The form has no boundary.", "Let the client write the header Content-Type.")
        self.name: str | None = None
        self.whole = False
        self._came = bytearray()
        self._header = self._value = self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Raises Refusal."""
        try:
            self._parser.write(chunk)
        except library.exceptions.FormParserError as error:
            raise malformed("The form cannot be read; a part of it is probably missing.") from error

    def take(self) -> bytes:
        """What came of the file since the last time."""
        came, self._came = bytes(self._came), bytearray()
        return came

    def _begin(self) -> None:
        if self.name is not None:
            raise malformed("The form has more than one part.", ONE)

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._refuse_long()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._refuse_long()

    def _refuse_long(self) -> None:
        if len(self._header) + len(self._value) > MOST_HEAD:
            raise malformed("The form has a header that is too long.")

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"filename" not in options:
            raise malformed("A part of the form is no file.", ONE)
        self.name = options[b"filename"].decode("utf-8", "replace")[-LONGEST_NAME:]

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._came += data[start:end]

    def _on_end(self) -> None:
        self.whole = True
