"""The Gaussian process against the textbook formulas, and the scores that enter it."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.spaces.nasbench201 import NasBench201
from archsmith.surrogates.encoding import Encoding, Rows
from archsmith.surrogates.gp import (
    JITTER,
    Distances,
    Posterior,
    Scales,
    best_setting,
    log_marginal_likelihood,
    normal_scores,
    settings,
    variances,
)

SPACE = NasBench201()


def rows(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    sketches = [SPACE.sketch(SPACE.sample(rng)) for _ in range(n)]
    return Encoding(sketches).rows(sketches)


@pytest.fixture(scope="module")
def data() -> tuple[Rows, Rows, Scales]:
    all_rows = rows(60)
    return all_rows.take(slice(0, 20)), all_rows.take(slice(20, 60)), Scales.of(all_rows)


@pytest.mark.parametrize("which", range(0, 50, 7))
def test_the_posterior_is_that_of_the_textbook(data: tuple[Rows, Rows, Scales], which: int) -> None:
    observed, candidates, scales = data
    setting = settings(True, True)[which]
    noise, y = np.linspace(1, 4, 20), np.random.default_rng(1).normal(size=20)
    one_by_one = Posterior(candidates, setting, scales)
    for i in range(20):
        one_by_one.observe(observed.take([i]), float(noise[i]))
    at_once = Posterior.of(candidates, observed, noise, setting, scales)
    covariance = Distances.between(observed, observed, scales).kernel(setting) + np.diag(setting.noise * noise + JITTER)
    across = Distances.between(observed, candidates, scales).kernel(setting)
    mean = across.T @ np.linalg.solve(covariance, y)
    variance = variances(candidates, setting) - np.einsum("nm,nm->m", across, np.linalg.solve(covariance, across))
    for posterior in (one_by_one, at_once):
        # kernels are float32, and noise of 0.005 multiplies their rounding by 200
        np.testing.assert_allclose(posterior.mean(y), mean, atol=1e-3)
        np.testing.assert_allclose(posterior.deviation**2, variance, atol=1e-3)


def test_what_is_observed_on_a_copy_is_taken_back(data: tuple[Rows, Rows, Scales]) -> None:
    observed, candidates, scales = data
    posterior = Posterior.of(candidates, observed, np.ones(20), settings(True, True)[0], scales)
    before = posterior.deviation
    copy = posterior.copy()
    copy.observe(candidates.take([3]))
    assert copy.deviation[3] < before[3] and len(copy) == 21
    np.testing.assert_array_equal(posterior.deviation, before)
    assert len(posterior) == 20


@pytest.mark.parametrize(("has_paths", "has_numbers"), [(True, True), (True, False), (False, True), (False, False)])
def test_every_setting_is_a_covariance(data: tuple[Rows, Rows, Scales], has_paths: bool, has_numbers: bool) -> None:
    _, candidates, scales = data
    distances = Distances.between(candidates, candidates, scales)
    for setting in settings(has_paths, has_numbers):
        kernel = distances.kernel(setting)
        assert sum(setting.weights) == pytest.approx(1)
        np.testing.assert_allclose(np.diag(kernel), variances(candidates, setting), rtol=1e-5)
        assert np.linalg.eigvalsh(kernel.astype(float)).min() > -1e-4
        assert has_paths or setting.weights[1] == 0
        assert has_numbers or setting.weights[2] == setting.weights[3] == 0


def test_the_likeliest_setting_is_chosen(data: tuple[Rows, Rows, Scales]) -> None:
    _, candidates, scales = data
    distances, noise, choices = Distances.between(candidates, candidates, scales), np.ones(40), settings(True, True)
    y = normal_scores(list(np.random.default_rng(2).normal(size=40)))
    chosen = best_setting(distances, y, noise, choices)
    likelihoods = [log_marginal_likelihood(distances.kernel(setting), setting.noise * noise, y) for setting in choices]
    assert chosen == choices[int(np.argmax(likelihoods))]


def test_scores_are_gaussian_by_rank_and_low_losses_are_high() -> None:
    scores = normal_scores([(0.0, 3.0), (0.0, 1.0), (1.0, 0.0), (0.0, 2.0), (0.0, 2.0)])
    assert list(np.argsort(-scores, kind="stable")) == [1, 3, 4, 0, 2]
    assert scores[3] == scores[4]
    assert scores.mean() == pytest.approx(0) and scores.std() == pytest.approx(1)
    assert (
        normal_scores([]).shape == (0,)
        and normal_scores([7.0]).tolist() == [0]
        and normal_scores([1.0, 1.0]).tolist() == [0, 0]
    )
