"""Files as they come: whole under a clean name, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from archsmith.app import uploads
from archsmith.app.uploads import Received, Uploads, clean_name
from archsmith.server.refusals import Refusal


async def chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def receive(made: Uploads, parts: Iterable[bytes], declared: int | None = None, name: str = "a.csv") -> Received:
    return asyncio.run(made.receive(name, chunks(parts), declared))


def refused(made: Uploads, parts: Iterable[bytes], declared: int | None = None) -> Refusal:
    with pytest.raises(Refusal) as raised:
        receive(made, parts, declared)
    assert list(made.folder.glob("*")) == [], "something is left of it"
    return raised.value


@pytest.fixture
def made(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", 1000, 5000, lambda: 0)


def test_a_file_is_written_as_it_comes(made: Uploads) -> None:
    found = receive(made, [b"a,b\n", b"1,2\n"], 8)
    assert found.path.read_bytes() == b"a,b\n1,2\n"
    assert (found.name, found.n_bytes) == ("a.csv", 8)


def test_a_file_without_a_declared_length_is_taken(made: Uploads) -> None:
    assert receive(made, [b"x"] * 10).n_bytes == 10


def test_a_file_that_is_cut_off_leaves_nothing(made: Uploads) -> None:
    assert refused(made, [b"abc"], 10).status == 400


def test_a_file_that_breaks_off_leaves_nothing(made: Uploads) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(made.receive("a.csv", broken(), 10))
    assert list(made.folder.glob("*")) == []


def test_an_empty_file_is_refused(made: Uploads) -> None:
    assert refused(made, []).code == "empty"


def test_a_file_that_is_declared_too_large_is_refused_before_it_comes(made: Uploads) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(Refusal, match="more than") as raised:
        asyncio.run(made.receive("a.csv", never(), 1001))
    assert raised.value.status == 413


def test_a_file_that_grows_too_large_is_refused(made: Uploads) -> None:
    assert refused(made, [b"x" * 600, b"x" * 600]).status == 413


def test_all_files_together_have_a_quota(tmp_path: Path) -> None:
    full = Uploads(tmp_path / "uploads", 1000, 5000, lambda: 4900)
    assert refused(full, [b"x" * 200], 200).code == "quota"
    assert refused(full, [b"x" * 200]).code == "quota"


def test_a_disk_without_room_is_said(made: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "KEPT_FREE", 2**62)
    said = refused(made, [b"x"])
    assert (said.status, said.code) == (507, "disk") and "would have less than" in said.message


@pytest.mark.parametrize("seconds", [0.001, 30.0], ids=["creeps", "stands still"])
def test_an_upload_that_hardly_sends_ends(made: Uploads, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(uploads, "SLOW_SECONDS", 0.02)

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(seconds)

    with pytest.raises(Refusal) as raised:
        asyncio.run(made.receive("a.csv", slow(), 1000))
    assert (raised.value.status, raised.value.code) == (408, "slow")
    assert list(made.folder.glob("*")) == []


def test_whoever_keeps_sending_has_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LEAST_BYTES", 3)

    async def ends() -> list[float]:
        pace, parts = uploads._Pace(), chunks([b"ab", b"c", b"d"])
        found = [pace._until]
        for _ in range(3):
            await asyncio.sleep(0.002)
            await pace.next(parts)
            found.append(pace._until)
        return found

    first, same, later, end = asyncio.run(ends())
    assert first == same < later == end


def test_only_a_few_files_are_received_at_once(made: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "AT_ONCE", 0)
    assert refused(made, [b"x"]).status == 503


def test_what_a_killed_app_left_is_removed(made: Uploads) -> None:
    made.folder.mkdir()
    (made.folder / "0123.part").write_bytes(b"half")
    made.sweep()
    assert list(made.folder.glob("*")) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("birds.zip", "birds.zip"),
        ("../../etc/cron.d/x.csv", "x.csv"),
        ("C:\\temp\\my file.CSV", "my_file.csv"),
        ("a\0b\n.csv", "a_b.csv"),
        ("...csv", "data.csv"),
        ("<img src=x onerror=alert(1)>.zip", "img_src_x_onerror_alert_1.zip"),
        ("größe.parquet", "größe.parquet"),
        ("train-images-idx3-ubyte", "train-images-idx3-ubyte"),
        ("-rf.tsv.gz", "rf.tsv.gz"),
        ("\udcff.npz", "data.npz"),
    ],
)
def test_names_are_made_harmless(given: str, kept: str) -> None:
    assert clean_name(given) == kept


def test_long_names_are_cut_and_keep_their_ending() -> None:
    name = clean_name("ä" * 300 + ".parquet")
    assert name.endswith("ä.parquet")
    assert len(name.encode()) <= uploads.LONGEST_NAME


@pytest.mark.parametrize("name", ["virus.exe", "data.pkl", "page.svg", "noending", "", "..", "a.tar/"])
def test_files_that_no_reader_takes_are_refused(name: str) -> None:
    with pytest.raises(Refusal) as raised:
        clean_name(name)
    assert raised.value.status == 415


@pytest.mark.parametrize("name", ["book.xlsx", "book.XLS", "book.ods"])
def test_a_workbook_is_to_be_saved_as_csv(name: str) -> None:
    with pytest.raises(Refusal) as raised:
        clean_name(name)
    assert "save it as CSV" in str(raised.value.hint)
