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


def test_a_gpu_takes_bfloat16_where_it_can_and_float16_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    separable = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4))
    for capability, expected in (((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, capability=capability: capability)
        assert precision.choose("auto", separable, torch.device("cuda")) == expected
    assert precision.choose("auto", separable, torch.device("mps")) == "float32"


def test_float16_is_for_cuda() -> None:
    with pytest.raises(UsageError, match="'float16'.*'cpu'"):
        precision.choose("float16")
    assert precision.choose("float16", None, torch.device("cuda")) == "float16"


def test_the_scaler_leaves_other_arithmetics_alone() -> None:
    loss = torch.ones((), requires_grad=True)
    assert precision.scaler("bfloat16").scale(loss) is loss


def test_only_bfloat16_changes_the_arithmetic() -> None:
    layer, x = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with precision.autocast("float32"):
        assert layer(x).dtype == torch.float32
    with precision.autocast("bfloat16"):
        assert layer(x).dtype == torch.bfloat16
