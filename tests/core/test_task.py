import pytest

from archsmith.core.errors import UsageError
from archsmith.core.task import Output, Task, image_classification


def test_round_trip():
    task = image_classification((1, 28, 28), ("a", "b"))
    assert Task.from_dict(task.to_dict()) == task
    assert task.inputs[0].shape == (1, 28, 28) and task.outputs[0].n == 2


def test_refuses_nonsense():
    with pytest.raises(UsageError):
        image_classification((1, 8, 8), ("only",))
    with pytest.raises(UsageError):
        Output("y", "classes", 3, ("a", "b"))
