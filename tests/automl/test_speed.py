"""What is measured of this machine before a job is planned; never how long it took."""

import dataclasses
import tempfile
from types import SimpleNamespace

import pytest
import torch

from archsmith.automl import speed
from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.plan import EXPORT_SECONDS
from archsmith.graphs.constants import constants_of
from archsmith.graphs.network import Network
from archsmith.training import threads


@pytest.fixture(scope="module")
def workshop(table_splits):
    return Workshop(Tables(), table_splits, torch.device("cpu"))


REHEARSED = speed.REHEARSED  # as it is outside of tests


@pytest.fixture(scope="module")
def candidate(table_splits):
    space, first = Tables().fixed(table_splits)
    return Candidate("fixed", space.graph(first), Tables().recipe())


@pytest.fixture
def rehearsed(monkeypatch):
    """In place of exports: how many there were."""
    seen = []
    monkeypatch.setattr(speed, "REHEARSED", REHEARSED)
    monkeypatch.setattr(speed, "rehearse_export", lambda *arguments: seen.append(arguments) or 3.0)
    return seen


def test_without_a_limit_on_the_clock_nothing_is_measured(workshop, candidate, rehearsed):
    found = speed.measure_speed(candidate, workshop, None)
    assert found == speed.measure_speed(candidate, workshop, None) and not rehearsed
    assert (found.step_seconds, found.example_seconds, found.n_threads) == (0.0, 0.0, None)


def test_the_counts_are_those_of_the_data_and_the_network(workshop, candidate):
    found, splits = speed.measure_speed(candidate, workshop, None), workshop.splits
    assert (found.n_train, found.n_valid, found.n_test) == tuple(len(rows) for rows in splits.by_name.values())
    assert (found.batch_size, found.params) == (candidate.recipe.batch_size, candidate.params)
    assert found.memory_mb > 0


def test_with_a_limit_everything_is_measured(workshop, candidate, rehearsed):
    found = speed.measure_speed(candidate, workshop, 30.0)
    assert found.n_threads in threads.candidates() and len(rehearsed) == 1
    assert found.export_seconds == 3.0
    assert min(found.step_seconds, found.example_seconds, found.original_seconds) > 0


def test_a_short_budget_rehearses_no_export(workshop, candidate, rehearsed):
    assert speed.measure_speed(candidate, workshop, 20.0).export_seconds == EXPORT_SECONDS
    assert not rehearsed


def test_the_number_of_threads_that_takes_the_fewest_seconds_is_taken(workshop, candidate, monkeypatch):
    monkeypatch.setattr(threads, "candidates", lambda: (4, 2, 1))
    monkeypatch.setattr(speed, "step_seconds", lambda *arguments, most, check: abs(torch.get_num_threads() - 1.9))
    before = torch.get_num_threads()
    assert speed.fastest_threads(candidate, workshop, most=0.1) == (2, pytest.approx(0.1))
    assert torch.get_num_threads() == before


def test_on_a_graphics_card_threads_do_not_matter(workshop, candidate, monkeypatch):
    monkeypatch.setattr(speed, "step_seconds", lambda *arguments, most, check: 0.5)
    card = dataclasses.replace(workshop, device=torch.device("cuda"))
    assert speed.fastest_threads(candidate, card, most=0.1) == (None, 0.5)


def test_a_rehearsal_leaves_nothing_behind(workshop, candidate, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(speed, "export", lambda *arguments, **more: written.append(arguments[3]))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert speed.rehearse_export(candidate, workshop) >= 0
    assert written[0].name == "bundle" and not list(tmp_path.iterdir())


def test_the_network_of_a_rehearsal_knows_how_large_the_numbers_are(workshop, candidate, monkeypatch):
    """Untouched constants would let numbers of any size through, where float32 is too coarse to compare outputs."""
    seen = []
    monkeypatch.setattr(speed, "export", lambda network, *arguments, **more: seen.append(constants_of(network)))
    speed.rehearse_export(candidate, workshop)
    untouched = constants_of(Network(candidate.graph, seed=0))
    assert seen[0].keys() == untouched.keys() and len(untouched)
    assert all(not torch.equal(seen[0][name], untouched[name]) for name in untouched)


def test_a_step_that_takes_longer_than_all_the_time_is_measured_once(workshop, candidate, monkeypatch):
    sizes = []

    def train(network, few, *more, check, **options):
        check()
        sizes.append(len(few))
        return SimpleNamespace(seconds=9.0, step_seconds=9.0)

    monkeypatch.setattr(speed, "train", train)
    looks = []
    assert speed.step_seconds(candidate, workshop, most=1.0, check=lambda: looks.append(1)) == 9.0
    batch = workshop.fitted(candidate).batch_size
    assert sizes == [min(batch, len(workshop.splits.train))] and looks == [1]
