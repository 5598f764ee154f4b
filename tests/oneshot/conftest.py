"""Digits at 8 × 8, the smallest cells, and a recipe of a few steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archsmith.data.images.load import load
from archsmith.oneshot.enas import ControllerSettings
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.sharing import SharedRecipe
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of stored splits."""
    return str(load("digits", tmp_path_factory.mktemp("data"), seed=0).folder)


@pytest.fixture(scope="session")
def space() -> NasBench201:
    return NasBench201((1, 8, 8), n_outputs=10, scale=NasBench201Scale(filters=4, cells=1))


@pytest.fixture
def evaluator(digits: str, space: NasBench201) -> SharedWeightsEvaluator:
    """Six steps an epoch, two epochs."""
    small: dict[str, Any] = {"n_train": 200, "n_valid": 90, "candidates": 6, "derived": 3}
    small |= {
        "recipe": SharedRecipe(batch_size=32, epochs=2, restarts=1),
        "controller": ControllerSettings(units=10, steps=2, batch=3),
    }
    return SharedWeightsEvaluator(space, digits, precision="float32", device="cpu", **small)
