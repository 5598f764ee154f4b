"""Models by name, and their next versions."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.errors import UsageError
from archsmith.server.registry import Registry


def change(folder: Path, word: str = "changed") -> None:
    """Another version of the same model: the manifest has another date."""
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    assert '"created": "' in text
    manifest.write_text(text.replace('"created": "', f'"created": "{word} ', 1))


def test_names_come_from_folders_or_as_given(tmp_path: Path) -> None:
    assert list(Registry([tmp_path / "a", tmp_path / "b"]).places) == ["a", "b"]
    assert list(Registry([tmp_path / "a", tmp_path / "b"], ["x", "y"]).places) == ["x", "y"]


@pytest.mark.parametrize(
    "folders, names, said",
    [
        ([], [], "no model"),
        (["a", "x/a"], [], "Two models are called 'a'"),
        (["a", "b"], ["x"], "2 models and 1 names"),
        (["a", "b"], ["x", "x"], "Two models are called 'x'"),
        (["a"], ["../x"], "cannot be called"),
        (["a b"], [], "cannot be called 'a b'"),
        (["_a"], [], "names begin with a letter or digit"),
        (["a" * 65], [], "up to 64 letters"),
    ],
)
def test_names_that_cannot_be_are_refused(folders: list[str], names: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Registry(folders, names)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no bundle"):
        Registry([tmp_path / "none"]).load()


def test_a_new_version_takes_the_place_of_the_old_one(serving: Any, copied: Path) -> None:
    asking = serving(copied)
    before = asking("GET", "/v1/models/model").json["version"]
    asking.run(asking.registry.check())
    assert asking("GET", "/v1/models/model").json["version"] == before
    change(copied)
    asking.run(asking.registry.check())
    assert asking("GET", "/v1/models/model").json["version"] != before
    assert asking("POST", "/v1/models/model/predict", {"examples": [[[1]]]}).status == 200
    assert '"event":"model swapped"' in asking.log.getvalue()


def test_a_broken_version_is_refused_and_said_and_the_old_one_goes_on(serving: Any, copied: Path) -> None:
    asking = serving(copied)
    before = asking("GET", "/v1/models/model").json["version"]
    (copied / "model.onnx").write_bytes(b"broken")
    asking.run(asking.registry.check())
    said = asking("GET", "/v1/models/model").json
    assert said["version"] == before and "SHA-256 differs" in said["refused"]
    assert asking("POST", "/v1/models/model/predict", {"examples": [[[1]]]}).status == 200
    assert asking.log.getvalue().count('"event":"model refused"') == 1
    asking.run(asking.registry.check())
    assert asking.log.getvalue().count('"event":"model refused"') == 1  # once, not each second
    shutil.rmtree(copied)
    asking.run(asking.registry.check())
    *_, refused, gone = map(json.loads, filter(lambda line: "model " in line, asking.log.getvalue().splitlines()))
    assert refused["serving"] == gone["serving"] == before and "version" not in refused
    assert gone["event"] == "model gone" and gone["reason"] == ""
    assert asking("GET", "/v1/models/model").json["refused"] is None


def test_a_folder_that_is_away_for_a_moment(serving: Any, copied: Path, classes_folder: Path) -> None:
    asking = serving(copied)
    shutil.move(copied, copied.with_name("away"))
    asking.run(asking.registry.check())
    assert asking("POST", "/v1/models/model/predict", {"examples": [[[1]]]}).status == 200
    shutil.copytree(classes_folder, copied)
    change(copied)
    asking.run(asking.registry.check())
    assert '"event":"model gone"' in asking.log.getvalue() and '"event":"model swapped"' in asking.log.getvalue()


def test_no_request_is_dropped_while_versions_change(serving: Any, copied: Path) -> None:
    asking = serving(copied)

    async def all_of_it() -> tuple[set[int], set[str]]:
        statuses, versions = set(), set()
        done = False

        async def ask() -> None:
            while not done:
                answer = await asking.ask("POST", "/v1/models/model/predict", {"examples": [[[1]]]})
                statuses.add(answer.status)
                versions.add(answer.json["version"])
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(ask()) for _ in range(4)]
        for round_ in range(3):
            change(copied, f"round {round_}")
            await asking.registry.check()
            await asyncio.sleep(0.02)
        done = True
        await asyncio.gather(*tasks)
        return statuses, versions

    statuses, versions = asking.run(all_of_it())
    assert statuses == {200} and len(versions) >= 3


def test_the_folders_are_watched(serving: Callable[..., Any], copied: Path) -> None:
    asking = serving(copied, poll_seconds=0.01)
    before = asking.registry.get("model").version

    async def watched() -> None:
        watching = asyncio.create_task(asking.registry.watch())
        change(copied)
        while asking.registry.get("model").version == before:
            await asyncio.sleep(0.01)
        watching.cancel()

    asking.run(watched())


def test_a_link_to_the_next_version_is_followed(
    serving: Any, tmp_path: Path, copied: Path, classes_folder: Path
) -> None:
    link = tmp_path / "current"
    link.symlink_to(classes_folder)
    asking = serving(link)
    before = asking("GET", "/v1/models/current").json["version"]
    change(copied)
    link.unlink()
    link.symlink_to(copied)
    asking.run(asking.registry.check())
    assert asking("GET", "/v1/models/current").json["version"] != before
