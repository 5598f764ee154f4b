"""The network that stands for a space: never how long it took."""

import dataclasses

import pytest
import torch

from archsmith.automl import reference
from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.modalities.images import Images
from archsmith.automl.plan import Speed
from archsmith.automl.reference import SAMPLED, find_reference, trial_seconds
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import EvaluationError
from archsmith.data.stored import opened
from archsmith.evaluators.cost import CostEvaluator
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.cost import cost
from archsmith.graphs.layers import classifier
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.nasbench201 import NasBench201
from archsmith.spaces.pictures import Pictures


@dataclasses.dataclass(frozen=True)
class Widths(ImageSpace):
    """One convolution of some width; those that are too wide fail when they are laid out."""

    n_outputs: int = 10
    recipe: None = None
    widths: tuple[int, ...] = (2, 4, 8, 16, 32)
    widest: int = 99

    def build(self, choose, net):
        width = choose("width", self.widths)
        if width > self.widest:
            raise ValueError(f"{width} is too wide.")
        x = net.op("conv", net.input("image"), filters=width, kernel=3)
        net.output(classifier(net, x, self.n_outputs))

    def layout(self, choose):
        choose("width", self.widths)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder of the shipped digits, as they are stored."""
    place = tmp_path_factory.mktemp("data")
    return str(Images().load(FitSettings("digits"), place, None, lambda what, done, total: None).folder)


@pytest.fixture(scope="module")
def workshop(data):
    return Workshop(Images(), opened(data), torch.device("cpu"))


@pytest.fixture(scope="module")
def fixed(workshop):
    space, architecture = Images().fixed(workshop.splits)
    return Candidate("fixed", space.graph(architecture), Images().recipe(), architecture, space)


@pytest.fixture
def measured(monkeypatch):
    """In place of measuring: a step takes as long as the network has multiply-adds."""
    seen = []

    def seconds(ours, data, goal, device, *, n_steps):
        seen.append(ours)
        return float(cost(ours.graph).macs)

    monkeypatch.setattr(reference, "seconds_of_an_example", seconds)
    return seen


def found(space, fixed, workshop, seconds=60.0, seed=0, step=1.0):
    speed = Speed(step, 128, len(workshop.splits.train), 1, 1, n_threads=1)
    return find_reference(space, fixed, workshop, seed, speed, seconds)


def of(workshop, cls=Widths, **options):
    return cls.for_task(workshop.splits.task, **options)


def test_a_space_that_begins_with_the_hand_made_network_needs_no_measuring(fixed, workshop, measured):
    for cls in (ConvStages, Pictures):
        assert found(of(workshop, cls), fixed, workshop) == reference.Reference()
    assert not measured


def test_without_a_limit_on_the_clock_nothing_is_measured(fixed, workshop, measured):
    assert found(of(workshop), fixed, workshop, seconds=None) == reference.Reference() and not measured


def test_a_network_of_middle_cost_stands_for_the_space(fixed, workshop, measured):
    several = {found(of(workshop), fixed, workshop, seed=seed).decisions["width"] for seed in range(6)}
    assert several <= {4, 8, 16} and len(several) > 1
    assert found(of(workshop), fixed, workshop) == found(of(workshop), fixed, workshop)


def test_its_cost_is_what_it_takes_beside_the_hand_made_network(fixed, workshop, measured):
    space = of(workshop, widths=(4,))
    macs = cost(space.graph({"width": 4})).macs
    assert found(space, fixed, workshop, step=128.0).cost == pytest.approx(macs)


def test_slow_steps_are_measured_in_a_small_batch(fixed, workshop, monkeypatch):
    sizes, takes = [], iter((1e-6, 1e-6, 1.0))

    def seconds(ours, data, goal, device, *, n_steps):
        sizes.append(ours.recipe.batch_size)
        return next(takes)

    monkeypatch.setattr(reference, "seconds_of_an_example", seconds)
    for _ in range(2):
        found(of(workshop), fixed, workshop)
    assert sizes == [16, 128, 16]


def test_measuring_is_too_gentle_to_diverge(fixed, workshop, measured):
    found(of(workshop), fixed, workshop)
    assert max(each.recipe.learning_rate for each in measured) == pytest.approx(fixed.recipe.learning_rate / 1000)


def test_a_decided_recipe_is_part_of_the_reference(fixed, workshop, measured):
    space = of(workshop, NasBench201, recipe=Images().recipe_space({}))
    decisions = found(space, fixed, workshop).decisions
    assert len(space.graph(decisions).nodes) > 1  # which a space refuses where a decision is missing
    assert any(path.startswith("recipe/") for path in decisions)


def test_what_cannot_be_laid_out_is_passed_over_and_told_where_nothing_can(fixed, workshop, measured):
    assert found(of(workshop, widest=8), fixed, workshop).decisions["width"] <= 8
    failure = found(of(workshop, widest=1), fixed, workshop).failure
    assert failure.startswith(f"None of {SAMPLED} networks of this space can be trained: ValueError: ")


def test_so_is_what_does_not_fit_into_memory(fixed, workshop, measured):
    small = dataclasses.replace(workshop, memory_mb=20.0)
    failure = found(of(workshop, widths=(2**16, 2**17), widest=2**17), fixed, small).failure
    assert "networks of this space can be trained: A training step of this network takes about" in failure


def test_where_one_network_fails_in_its_first_steps_another_stands_for_the_space(fixed, workshop, monkeypatch):
    answers = iter([RuntimeError("no kernel"), EvaluationError("It diverged."), 1e-9, 1e-6])

    def seconds(*arguments, **options):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(reference, "seconds_of_an_example", seconds)
    answer = found(of(workshop), fixed, workshop, step=128e-6)
    assert not answer.failure and answer.cost == pytest.approx(1.0) and answer.decisions


def test_networks_that_all_fail_in_their_first_steps_are_no_crash(fixed, workshop, monkeypatch):
    def failing(*arguments, **options):
        raise RuntimeError("no kernel")

    monkeypatch.setattr(reference, "seconds_of_an_example", failing)
    words = "None of 3 networks of this space can be trained: RuntimeError: no kernel"
    assert found(of(workshop), fixed, workshop).failure == words


def test_a_trial_takes_its_epochs_and_its_scoring(data, workshop, monkeypatch):
    monkeypatch.setattr(reference, "seconds_of_an_example", lambda *arguments, **options: 0.5)
    evaluator = TrainingEvaluator(of(workshop), data, n_train=100, n_valid=30, device="cpu")
    assert trial_seconds(evaluator, 3.0, 0, most=60.0) == pytest.approx(0.5 * (3 * 100 + 30 / 3))
    with pytest.raises(EvaluationError, match="can be trained: ValueError"):
        trial_seconds(dataclasses.replace(evaluator, space=of(workshop, widest=1)), 3.0, 0, most=60.0)
    assert trial_seconds(CostEvaluator(of(workshop)), 3.0, 0, most=60.0) is None


def test_measuring_works_for_real(fixed, workshop):
    answer = found(of(workshop, NasBench201), fixed, workshop, seconds=1e-3)  # the small batch alone is tried
    assert answer.cost > 0 and not answer.failure and answer.decisions
