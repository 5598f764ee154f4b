from __future__ import annotations

from pathlib import Path

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
