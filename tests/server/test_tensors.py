"""Names and shapes of tensors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from archsmith.server.tensors import Tensor, tensors


def test_inputs_of_a_session_by_the_names_of_the_protocol() -> None:
    entries = [
        SimpleNamespace(name="a", type="tensor(double)", shape=["n", 3]),
        SimpleNamespace(name="b", type="tensor(string)", shape=[None]),
    ]
    assert tensors(entries) == (Tensor("a", "FP64", (-1, 3)), Tensor("b", "BYTES", (-1,)))
    assert tensors(entries)[0].dtype == np.float64


def test_a_type_that_the_protocol_lacks() -> None:
    with pytest.raises(KeyError):
        tensors([SimpleNamespace(name="a", type="seq(tensor(float))", shape=[])])


def test_which_shapes_it_takes() -> None:
    tensor = Tensor("a", "FP32", (-1, 3))
    assert tensor.takes((7, 3)) and not tensor.takes((7, 4)) and not tensor.takes((7,))
