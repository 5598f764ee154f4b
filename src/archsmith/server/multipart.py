"""``multipart/form-data``: files and fields of a form, from a body that is in memory already. Nothing goes to disk."""

from __future__ import annotations

from dataclasses import dataclass

import python_multipart as library
from python_multipart.multipart import MultipartParser, parse_options_header

from archsmith.server.refusals import Refusal, malformed

MOST_FIELDS = 16
LONGEST_FIELD = 1024  # bytes
LONGEST_NAME = 200  # characters of a file's name that are kept


@dataclass(frozen=True)
class Form:
    """``files``: name and content, in their order. ``fields``: text by name."""

    files: tuple[tuple[str, bytes], ...]
    fields: dict[str, str]


def parse(content_type: str, body: bytes, most_files: int) -> Form:
    """Raises Refusal for what is no whole form, and for one with too many parts."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise malformed("The form has no boundary.", "Let the client write the header Content-Type.")
    reader = _Reader(most_files)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reader.begin,
            "on_header_field": reader.name,
            "on_header_value": reader.value,
            "on_header_end": reader.header,
            "on_headers_finished": reader.headers,
            "on_part_data": reader.data,
            "on_part_end": reader.end,
            "on_end": reader.finish,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except library.exceptions.FormParserError as error:
        raise malformed("The form cannot be read; a part of it is probably missing.") from error
    if not reader.is_whole:
        raise malformed("The form is cut off.", "Send it again.")
    return Form(tuple(reader.files), reader.fields)


class _Reader:
    """Collects the parts while the parser runs."""

    def __init__(self, most_files: int) -> None:
        self.files: list[tuple[str, bytes]] = []
        self.fields: dict[str, str] = {}
        self.is_whole = False
        self._most_files = most_files
        self._part = bytearray()
        self._disposition = self._name = self._value = b""
        self._field: str | None = None
        self._file: str | None = None

    def begin(self) -> None:
        self._part = bytearray()
        self._disposition, self._field, self._file = b"", None, None

    def name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        elif self._name.lower() == b"content-transfer-encoding" and self._value.lower() not in (b"binary", b"8bit"):
            raise malformed("The parts of a form are sent as they are.", "Leave Content-Transfer-Encoding out.")
        self._name = self._value = b""

    def headers(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise malformed("A part of the form has no name.")
        self._field = options[b"name"].decode("utf-8", "replace")
        if b"filename" in options:
            self._file = options[b"filename"].decode("utf-8", "replace")[:LONGEST_NAME]
            if len(self.files) >= self._most_files:
                raise Refusal(413, "too_many", f"The form has more than {self._most_files:,} files.", "Send fewer.")
        elif len(self.fields) >= MOST_FIELDS:
            raise malformed(f"The form has more than {MOST_FIELDS} fields.")

    def data(self, data: bytes, start: int, end: int) -> None:
        self._part += data[start:end]
        if self._file is None and len(self._part) > LONGEST_FIELD:
            raise malformed(f"A field of the form is longer than {LONGEST_FIELD:,} bytes.", "Send files as files.")

    def end(self) -> None:
        if self._file is not None:
            self.files.append((self._file, bytes(self._part)))
        elif self._field is not None:
            self.fields[self._field] = self._part.decode("utf-8", "replace")

    def finish(self) -> None:
        self.is_whole = True
