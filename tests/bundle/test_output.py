from __future__ import annotations

import pytest

from archsmith.bundle.output import ModelOutput
from archsmith.core.errors import UsageError
from archsmith.core.task import image_classification, image_regression

CLASSES = image_classification((1, 2, 2), ("a", "b", "c"))
AGE = image_regression((1, 2, 2), "age")


def test_is_what_the_task_says() -> None:
    output = ModelOutput.of(CLASSES, 1.5)
    assert (output.name, output.n, output.is_regression, output.temperature) == ("probabilities", 3, False, 1.5)
    value = ModelOutput.of(AGE, statistics=(30.0, 9.5))
    assert (value.name, value.n, value.is_regression, value.target) == ("value", 1, True, "age")


@pytest.mark.parametrize("output", [ModelOutput.of(CLASSES, 1.5), ModelOutput.of(AGE, statistics=(30.0, 9.5))])
def test_round_trip_with_keys_of_later_versions(output: ModelOutput) -> None:
    assert ModelOutput.from_dict({**output.to_dict(), "colour": "blue"}) == output


def test_statistics_belong_to_regression() -> None:
    for task, statistics in ((CLASSES, (0.0, 1.0)), (AGE, None)):
        with pytest.raises(UsageError, match="belong to a task with a regression target"):
            ModelOutput.of(task, statistics=statistics)


@pytest.mark.parametrize(("temperature", "mean", "std"), [(0.0, 0.0, 1.0), (1.0, float("inf"), 1.0), (1.0, 0.0, 0.0)])
def test_refuses_nonsense(temperature: float, mean: float, std: float) -> None:
    with pytest.raises(UsageError):
        ModelOutput("value", "regression", target="age", temperature=temperature, mean=mean, std=std)
