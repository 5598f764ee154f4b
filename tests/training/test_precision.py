from __future__ import annotations

import pytest
import torch

from archsmith.core.errors import UsageError
from archsmith.training import precision


def test_what_the_processor_can_do_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    assert precision.choose() == "bfloat16"
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: False)
    assert precision.choose() == "float32"


def test_networks_of_depthwise_convolutions_keep_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    plain = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.Conv2d(4, 4, 3))
    separable = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4), torch.nn.Conv2d(4, 4, 1))
    assert precision.choose("auto", plain) == "bfloat16"
    assert precision.choose("auto", separable) == "float32"
    assert precision.choose("auto", torch.nn.Linear(3, 3)) == "float32"


def test_a_person_may_insist() -> None:
    assert precision.choose("bfloat16") == "bfloat16"
    with pytest.raises(UsageError, match="float12"):
        precision.choose("float12")


def test_only_bfloat16_changes_the_arithmetic() -> None:
    layer, x = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with precision.autocast("float32"):
        assert layer(x).dtype == torch.float32
    with precision.autocast("bfloat16"):
        assert layer(x).dtype == torch.bfloat16
