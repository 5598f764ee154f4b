from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from archsmith.training import checkpoint


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    tensors = {"a/x": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last), "a/n": torch.tensor(3)}
    checkpoint.save(tmp_path / "deep" / "c.safetensors", tensors, {"epoch": 2, "curve": [[1.0, {"accuracy": 0.5}]]})
    loaded, facts = checkpoint.load(tmp_path / "deep" / "c.safetensors") or ({}, {})
    assert facts == {"epoch": 2, "curve": [[1.0, {"accuracy": 0.5}]]}
    assert torch.equal(loaded["a/x"], tensors["a/x"])
    assert checkpoint.part(loaded, "a/").keys() == {"x", "n"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["c.safetensors"]


def test_nothing_readable_is_no_checkpoint(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "none") is None
    (tmp_path / "half").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    assert checkpoint.load(tmp_path / "half") is None


def test_what_the_system_refuses_to_write_is_an_error_of_the_system(tmp_path: Path, no_room: Any) -> None:
    with pytest.raises(OSError, match="File too large") as caught, no_room():
        checkpoint.save(tmp_path / "c.safetensors", {"x": torch.zeros(10_000)}, {})
    assert caught.value.errno == errno.EFBIG and list(tmp_path.iterdir()) == []
