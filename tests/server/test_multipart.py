"""Forms with files, whole and broken."""

from __future__ import annotations

import pytest

from archsmith.server.multipart import LONGEST_FIELD, MOST_FIELDS, parse
from archsmith.server.refusals import Refusal

TYPE = "multipart/form-data; boundary=edge"


def part(head: str, content: bytes = b"x") -> bytes:
    return b"--edge\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def file(name: str, content: bytes = b"x") -> bytes:
    return part(f'Content-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/png', content)


def field(name: str, content: bytes = b"x") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', content)


END = b"--edge--\r\n"


def test_files_in_their_order_and_fields_by_name() -> None:
    found = parse(TYPE, file("a.png", b"\r\n--edg\x00") + field("top", b"3") + file("b.png", b"") + END, 9)
    assert found.files == (("a.png", b"\r\n--edg\x00"), ("b.png", b"")) and found.fields == {"top": "3"}


@pytest.mark.parametrize(
    "content_type, body",
    [
        ("multipart/form-data", END),
        ("multipart/mixed; boundary=edge", END),
        (f"multipart/form-data; boundary={'x' * 300}", END),
        (TYPE, b""),
        (TYPE, file("a")),  # without an end
        (TYPE, file("a")[:-9]),
        (TYPE, b"garbage"),
        (TYPE, part("Content-Type: image/png") + END),  # without a name
        (TYPE, part('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64') + END),
        (TYPE, part("\r\n".join(f"X-{n}: 1" for n in range(50))) + END),
        (TYPE, part(f"X: {'x' * 10_000}") + END),
        (TYPE, field("a", b"x" * (LONGEST_FIELD + 1)) + END),
        (TYPE, b"".join(field(f"f{n}") for n in range(MOST_FIELDS + 1)) + END),
    ],
)
def test_broken_forms_are_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Refusal) as error:
        parse(content_type, body, 9)
    assert (error.value.status, error.value.code) == (400, "malformed")


def test_too_many_files_are_refused() -> None:
    with pytest.raises(Refusal) as error:
        parse(TYPE, file("a") * 4 + END, 3)
    assert error.value.status == 413


def test_names_of_files_are_cut() -> None:
    assert len(parse(TYPE, file("x" * 3000) + END, 1).files[0][0]) == 200
