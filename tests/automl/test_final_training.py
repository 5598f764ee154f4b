"""Trainings in full, of networks and of models that another method fits; and the export of what was not searched."""

import dataclasses
import itertools
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from archsmith.automl import final_training
from archsmith.automl.final_training import Begun, Candidate, Final, Workshop
from archsmith.automl.modalities import images
from archsmith.automl.modalities.images import Images
from archsmith.automl.modalities.tables import RECIPE, Tables
from archsmith.automl.modality import Fitted, NetworkBaseline
from archsmith.automl.result import facts_of, row_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.export import export
from archsmith.bundle.manifest import CARD, read
from archsmith.bundle.predictor import Predictor
from archsmith.core.wording import network_name
from archsmith.data.tables.examples import TableSplits
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.training import loop
from archsmith.training.goal import Score
from archsmith.training.recipe import Recipe


@pytest.fixture(scope="module")
def workshop(table_splits):
    return Workshop(Tables(), table_splits, torch.device("cpu"))


@pytest.fixture(scope="module")
def candidate(table_splits):
    linear = Tables().baselines(table_splits, FitSettings("rows.csv"))[0]
    recipe = Recipe(learning_rate=1e-2, weight_decay=0.0, label_smoothing=0.0, optimizer="adamw", batch_size=64)
    return Candidate(linear.name, linear.graph, recipe)


def train(workshop, candidate, folder, epochs=2.0, **more):
    told = []
    asked = {"seed": 1, "seconds": None, "hurry": lambda: False, "report": lambda *point: told.append(point), **more}
    return workshop.train_in_full(candidate, epochs=epochs, folder=folder, **asked), told


def test_a_candidate_says_its_size_and_where_it_was_found(candidate):
    n_params = sum(array.numel() for array in Network(candidate.graph, seed=0).parameters())
    assert candidate.params == n_params and candidate.macs > 0
    assert candidate.what.startswith(f"{n_params} parameters")
    assert dataclasses.replace(candidate, trial=7).what.startswith("trial 7, ")
    assert "multiply-adds" in candidate.exact and "multiply-adds" not in candidate.what
    begun = dataclasses.replace(candidate, trial=7, begun=Begun(0, trial=9))
    assert begun.what.startswith("goes on from trial 9, ") and begun.last_trial == 9


def test_a_network_is_trained_for_its_epochs_and_measured_on_the_validation_split(workshop, candidate, tmp_path):
    final, told = train(workshop, candidate, tmp_path)
    assert (final.name, final.epochs, final.score.n) == ("linear", 2.0, len(workshop.splits.valid))
    assert [epoch for epoch, _ in told] == [1.0, 2.0] and all("accuracy" in metrics for _, metrics in told)
    assert (tmp_path / "linear.safetensors").is_file()


def test_its_outputs_are_those_that_were_scored(workshop, candidate, tmp_path):
    final, _ = train(workshop, candidate, tmp_path)
    valid = workshop.splits.valid
    assert workshop.goal.score(final.outputs(valid), valid.targets).metrics == pytest.approx(final.score.metrics)


def test_the_same_seed_trains_the_same_network(workshop, candidate, tmp_path):
    outputs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        outputs.append(train(workshop, candidate, tmp_path / name)[0].outputs(workshop.splits.valid))
    torch.testing.assert_close(*outputs, rtol=0, atol=0)


def test_a_training_that_was_finished_is_not_repeated(workshop, candidate, tmp_path):
    first, _ = train(workshop, candidate, tmp_path)
    again, told = train(workshop, candidate, tmp_path)
    assert again.epochs == 2.0 and [epoch for epoch, _ in told] == [2.0]
    assert again.score.metrics == pytest.approx(first.score.metrics)


def test_its_seconds_are_those_of_all_openings_and_of_the_trial_that_it_goes_on_from(
    workshop, begun, tmp_path, monkeypatch
):
    clock = itertools.count()
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(clock)))
    whole, _ = train(workshop, begun, tmp_path / "a", epochs=10.0)
    first, _ = train(workshop, begun, tmp_path / "b", epochs=5.0)
    kept = tmp_path / "b" / "trial3.carried.safetensors"
    more = dataclasses.replace(begun, begun=Begun(seed=5, checkpoint=kept, epochs=3.0), round=1)
    assert train(workshop, more, tmp_path / "c", epochs=10.0)[0].seconds > 0.8 * whole.seconds > first.seconds
    assert workshop.restored(more, kept).seconds > 0.4 * first.seconds


def test_a_person_in_a_hurry_gets_fewer_epochs(workshop, candidate, tmp_path):
    final, _ = train(workshop, candidate, tmp_path, epochs=500.0, hurry=lambda: True)
    assert 0 < final.epochs < 500 and final.score.n


@pytest.fixture
def begun(candidate):
    """The candidate with a training at a constant rate, of which no step was taken."""
    return dataclasses.replace(candidate, trial=3, begun=Begun(seed=5))


def test_a_training_that_was_begun_goes_on_and_ends_annealed(workshop, begun, tmp_path):
    final, told = train(workshop, begun, tmp_path, epochs=5.0)
    assert final.epochs == 5.0
    rates = [metrics["learning_rate"] for _, metrics in told if "learning_rate" in metrics]
    assert rates[-1] < 0.05 * max(rates)
    kept = {"trial3.safetensors", "trial3.carried.safetensors", "trial3.best.safetensors"}
    assert {file.name for file in tmp_path.iterdir()} == kept


def test_its_first_part_has_what_costs_less_and_its_last_part_has_not(workshop, begun, tmp_path, monkeypatch):
    cheaper, used = object(), []

    def trained(network, data, recipe, pipeline, **options):
        used.append((pipeline, options.get("anneal", False)))
        options["save_to"].touch()
        return types.SimpleNamespace(score=0.5, spent=1.0, epochs=1.0, fell=True)

    monkeypatch.setattr(Tables, "cheaper", lambda self, splits, pipeline, graph: cheaper)
    monkeypatch.setattr("archsmith.automl.final_training.train", trained)
    train(workshop, begun, tmp_path, epochs=5.0)
    assert used == [(cheaper, False), (workshop.pipeline(begun), True)]


@pytest.mark.parametrize(
    ("begun_epochs", "seconds", "limits"),
    [(0.0, None, (3.0, None)), (0.0, 100.0, (3.0, 30.0)), (4.0, 100.0, (4.0, 30.0))],
    ids=["epochs", "time", "begun"],
)
def test_the_rate_falls_after_most_of_the_epochs_or_little_of_the_time(
    workshop, begun, tmp_path, monkeypatch, begun_epochs, seconds, limits
):
    held = []

    def trained(network, data, recipe, pipeline, **options):
        held.append((options["epochs"], options["seconds"]))
        options["save_to"].touch()
        return types.SimpleNamespace(score=0.5, spent=1.0, epochs=1.0, fell=True)

    monkeypatch.setattr("archsmith.automl.final_training.train", trained)
    begun = dataclasses.replace(begun, begun=Begun(seed=5, epochs=begun_epochs))
    train(workshop, begun, tmp_path, epochs=5.0, seconds=seconds)
    assert held[0] == (limits[0], limits[1] if limits[1] is None else pytest.approx(limits[1]))
    assert held[1][0] == 5.0


def test_with_more_time_it_goes_on_from_before_its_end(workshop, begun, tmp_path):
    first, _ = train(workshop, begun, tmp_path, epochs=5.0)
    later = dataclasses.replace(begun, round=1)
    _, told = train(workshop, later, tmp_path, epochs=10.0)
    assert min(epoch for epoch, _ in told) > 3.0  # what was trained at the constant rate is not trained again
    kept = workshop.restored(begun, tmp_path / "trial3.safetensors")  # and the first answer is still there
    assert kept.score.metrics == pytest.approx(first.score.metrics) and kept.epochs == 5.0


def test_a_schedule_of_its_own_that_time_cut_short_begins_again_with_more_time(workshop, candidate, tmp_path):
    first, told = train(workshop, candidate, tmp_path, epochs=20.0, seconds=1e-4)
    before, low = (tmp_path / "linear.safetensors").read_bytes(), told[-1][1]["learning_rate"]
    later = dataclasses.replace(candidate, round=1)
    more, told = train(workshop, later, tmp_path, epochs=20.0)
    assert first.epochs < more.epochs == 20.0 and min(epoch for epoch, _ in told) > first.epochs
    assert max(metrics["learning_rate"] for _, metrics in told) > low
    assert (tmp_path / "linear.safetensors").read_bytes() == before  # the first answer is still there
    for number in (1, 2):  # it has had all epochs
        again, told = train(workshop, dataclasses.replace(candidate, round=number), tmp_path, epochs=20.0)
        assert [epoch for epoch, _ in told] == [20.0] and again.score.metrics == pytest.approx(more.score.metrics)


def test_a_schedule_of_its_own_that_was_killed_goes_on_where_it_was_with_more_time(workshop, candidate, tmp_path):
    def killed(epoch, metrics):
        if epoch == 3.0:
            raise KeyboardInterrupt

    whole, _ = train(workshop, candidate, tmp_path / "a", epochs=6.0)
    with pytest.raises(KeyboardInterrupt):
        train(workshop, candidate, tmp_path / "b", epochs=6.0, report=killed)
    more, told = train(workshop, dataclasses.replace(candidate, round=1), tmp_path / "b", epochs=6.0)
    assert min(epoch for epoch, _ in told) == 3.0 and more.score.metrics == pytest.approx(whole.score.metrics)


def test_a_training_whose_checkpoint_is_gone_begins_anew(workshop, begun, tmp_path):
    gone = dataclasses.replace(begun, begun=Begun(seed=5, checkpoint=tmp_path / "gone", epochs=2.0))
    final, _ = train(workshop, gone, tmp_path / "a", epochs=5.0)
    whole, _ = train(workshop, begun, tmp_path / "b", epochs=5.0)
    assert final.epochs == whole.epochs and final.score == whole.score


def test_a_checkpoint_of_another_training_is_not_taken_for_an_answer(workshop, begun, tmp_path):
    train(workshop, begun, tmp_path, epochs=2.0)
    file = tmp_path / "trial3.safetensors"
    other = dataclasses.replace(begun, begun=Begun(seed=6))  # one that had begun anew, say
    assert workshop.restored(begun, file).epochs == 2.0 and workshop.restored(other, file) is None
    (tmp_path / "spoilt").write_text("half of a")
    assert workshop.restored(begun, tmp_path / "spoilt") is None


def test_weights_that_were_clearly_better_before_are_taken_back(workshop, begun, tmp_path, monkeypatch):
    best, _ = train(workshop, begun, tmp_path / "a", epochs=60.0)
    real, valid = Workshop._trained, workshop.splits.valid

    def spoilt(self, candidate, file, **options):
        final = real(self, candidate, file, **options)
        with torch.no_grad():
            for parameter in final.network.parameters():
                parameter.neg_()
        return dataclasses.replace(final, score=self.goal.score(final.outputs(valid), valid.targets))

    monkeypatch.setattr(Workshop, "_trained", spoilt)
    final, _ = train(workshop, begun, tmp_path / "b", epochs=60.0)
    assert final.score.metrics["accuracy"] >= 0.9 * best.score.metrics["accuracy"]
    assert final.epochs < best.epochs == 60.0 and best.fell
    assert final.fell == loop.best_weights(tmp_path / "b" / "trial3.best.safetensors")[2]["fell"]
    assert workshop.goal.score(final.outputs(valid), valid.targets).metrics == pytest.approx(final.score.metrics)


def test_where_the_score_rises_no_more_the_last_part_begins(workshop, begun, tmp_path, monkeypatch):
    whole, _ = train(workshop, begun, tmp_path / "a", epochs=20.0)
    monkeypatch.setattr(final_training, "PATIENCE", 1.0)
    monkeypatch.setattr(loop, "MEASURED_SINCE", 1)
    sooner, _ = train(workshop, begun, tmp_path / "b", epochs=20.0)
    again, _ = train(workshop, begun, tmp_path / "b", epochs=20.0)
    assert again.epochs == sooner.epochs < whole.epochs == 20.0


def missing(name, missed):
    """A network that is right but for the examples of these numbers."""

    def outputs(examples):
        right = torch.nn.functional.one_hot(torch.as_tensor(examples.targets), 3).float()
        right[missed] = right[missed].roll(1, dims=1)
        return right

    return Final(name, Score({}, 0), outputs, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "clear"), [(0, 2, False), (0, 5, False), (0, 6, True), (3, 12, False), (3, 14, True)]
)
def test_a_network_is_clearly_better_where_chance_seldom_makes_it_so(workshop, one, other, clear):
    """With n examples that one of two knows, and k more of them for the first: k > 2.33 √n."""
    first, second = missing("one", list(range(one))), missing("other", list(range(one, one + other)))
    assert workshop.clearly_better(first, second) == clear
    assert not workshop.clearly_better(second, first)


def test_copies_of_an_example_make_no_difference_clear(workshop):
    first, second = missing("one", []), missing("other", list(range(8)))
    assert workshop.clearly_better(first, second)
    half = dataclasses.replace(workshop, repeats=len(workshop.splits.valid) // 2)
    assert not half.clearly_better(first, second)


def test_what_both_err_on_says_nothing(workshop):
    first, second = missing("one", list(range(20))), missing("other", list(range(26)))
    assert workshop.clearly_better(first, second)
    assert not workshop.clearly_better(first, first)


def test_a_batch_shrinks_to_the_memory(workshop, candidate):
    wide = dataclasses.replace(candidate, recipe=dataclasses.replace(RECIPE, batch_size=100_000))
    assert workshop.fitted(wide).batch_size == 100_000
    assert dataclasses.replace(workshop, memory_mb=1.0).fitted(wide).batch_size < 100_000


# Models that another method fits


class Means:
    """A model that says the mean regression target of its training rows, plus one; it tells how often it was fitted."""

    name, what = "mean", "the mean"

    def __init__(self, statistics):
        self.statistics = statistics
        self.asked = []

    def fit(self, train, seed, seconds):
        self.asked.append((seed, seconds))
        net = Net(train.inputs)
        x = net.op("concat", net.input("numbers"), net.op("code_numbers", net.input("categories")))
        net.output(net.op("linear", net.op("standardise", x), name="head", features=1))
        network = Network(net.graph(), seed=seed).eval()
        with torch.no_grad():
            network.get_parameter("head.weight").zero_()
            network.get_parameter("head.bias").fill_(
                (train.targets.mean() + 1.0 - self.statistics[0]) / self.statistics[1]
            )
        return Fitted(network, cut=seconds is not None)


@pytest.fixture(scope="module")
def prices(table_splits):
    """The rows with a regression target."""
    parts = {
        name: dataclasses.replace(
            rows, targets=np.nan_to_num(1000.0 + 10.0 * rows.numbers[:, 2], nan=1000.0).astype(np.float64), classes=()
        )
        for name, rows in table_splits.by_name.items()
    }
    return TableSplits(**parts, name="t", columns=table_splits.columns, names=table_splits.names)


def test_a_model_is_a_network_that_is_scored_in_the_unit_of_the_target(prices):
    final = Workshop(Tables(), prices, torch.device("cpu")).fit_model(Means(prices.target_statistics), 0)
    wrong = np.abs(prices.valid.targets - prices.train.targets.mean() - 1.0)
    assert final.score.metrics["mae"] == pytest.approx(wrong.mean(), rel=1e-4)
    assert (final.name, final.candidate.name, final.epochs) == ("mean", "mean", 0.0)
    assert final.candidate.graph == final.network.graph and final.candidate.space is None
    assert not final.candidate.trained and not final.candidate.architecture


def test_a_model_that_was_kept_is_not_fitted_again_within_the_same_limit(prices, tmp_path):
    workshop, means = Workshop(Tables(), prices, torch.device("cpu")), Means(prices.target_statistics)
    finals = [workshop.fit_model(means, 7, seconds=seconds, folder=tmp_path / "final") for seconds in (3.0, 3.0, None)]
    assert means.asked == [(7, 3.0), (7, None)]
    one, two = (final.outputs(prices.test) for final in finals[:2])
    assert torch.equal(one, two) and finals[0].score.metrics == finals[1].score.metrics
    assert [final.cut for final in finals] == [True, True, False]  # also where it was found again


def test_a_training_of_an_earlier_version_is_no_model_that_was_kept(workshop, candidate, tmp_path):
    train(workshop, candidate, tmp_path)
    assert (tmp_path / "linear.safetensors").exists()
    model = Tables().baselines(workshop.splits, FitSettings("rows.csv"))[0]
    assert workshop.fit_model(model, 0, folder=tmp_path).epochs == 0.0


# What was not searched can be exported like anything else


def facts(splits, final):
    """What a job would say of it."""
    job = types.SimpleNamespace(
        splits=splits,
        settings=FitSettings("things"),
        findings=types.SimpleNamespace(counts={"train": (1,) * len(splits.classes)}, notes=(), warnings=()),
        modality=types.SimpleNamespace(space="its_space"),
        plan=types.SimpleNamespace(pooled=True, weights="own"),
        store=types.SimpleNamespace(folder=Path("study")),
    )
    goal = Workshop(None, splits, torch.device("cpu")).goal
    said = {}
    for part in ("valid", "test"):
        said[part] = goal.predictions(final.outputs(splits.by_name[part])).numpy()
        said[f"{part}_labels"] = splits.by_name[part].targets
    rows = [row_of(final, {}, splits.task.metric, exported=True)]
    nothing = types.SimpleNamespace(finished=())
    more = {"history": nothing, "reason": "trials", "seconds": 1.0, "fell": final.fell}
    return facts_of(job, final.candidate, rows, said, **more)


def test_the_settings_of_a_training_that_went_on_are_those_that_it_had(workshop, begun, tmp_path):
    ended, _ = train(workshop, begun, tmp_path, epochs=5.0)
    left = workshop.restored(begun, tmp_path / "trial3.carried.safetensors")
    again = workshop.restored(begun, tmp_path / "trial3.safetensors")
    told = [facts(workshop.splits, each).recipe for each in (ended, again, left)]
    assert [each["schedule"] for each in told] == ["constant, then linear decay"] * 2 + ["constant"]
    assert all(each["average"] == 0.5 and "warmup" not in each for each in told)


def test_the_settings_of_a_training_by_its_own_schedule_are_its_recipe(workshop, candidate, tmp_path):
    wide = dataclasses.replace(candidate, recipe=dataclasses.replace(RECIPE, batch_size=100_000))
    small = dataclasses.replace(workshop, memory_mb=1.0)
    told = facts(workshop.splits, train(small, wide, tmp_path)[0]).recipe
    assert (told["schedule"], told["warmup"], told["average"]) == (RECIPE.schedule, RECIPE.warmup, RECIPE.average)
    assert told["batch_size"] == small.fitted(wide).batch_size < 100_000  # the batch that fitted into the memory
    cosine = dataclasses.replace(candidate, recipe=dataclasses.replace(RECIPE, schedule="cosine"))
    assert "warmup" not in facts(workshop.splits, train(workshop, cosine, tmp_path / "b")[0]).recipe


def test_a_regression_tells_of_no_labels_that_were_smoothed(prices, tmp_path):
    space, first = Tables().fixed(prices)
    workshop = Workshop(Tables(), prices, torch.device("cpu"))
    final, _ = train(workshop, Candidate("fixed", space.graph(first), RECIPE, first, space), tmp_path, epochs=1.0)
    told = facts(prices, final).recipe
    assert "label_smoothing" not in told and told["learning_rate"] == RECIPE.learning_rate


def exported(workshop, final, folder):
    """The predictions of the bundle, of the network, and the manifest."""
    splits, some = workshop.splits, np.arange(0, len(workshop.splits.test), 2)
    raw = workshop.modality.raw(splits.test, some)
    verification = export(
        final.network,
        final.candidate.graph,
        splits.task,
        folder,
        intake=workshop.intake,
        target_statistics=splits.target_statistics,
        facts=facts(splits, final),
        examples=raw,
        targets=splits.test.targets[some],
    )
    assert verification.max_difference <= 1e-4 and verification.source_difference <= 1e-5
    predictor = Predictor(folder)
    found = predictor.predict(raw) if splits.is_regression else predictor.predict_proba(raw)
    return found, workshop.goal.predictions(final.outputs(splits.test.take(some))).numpy(), read(folder)


def fitted(workshop, folder, name):
    baseline = next(
        each
        for each in workshop.modality.baselines(workshop.splits, FitSettings(None, pretrained=False))
        if each.name == name
    )
    if isinstance(baseline, NetworkBaseline):
        return train(workshop, Candidate.of(baseline), folder)[0]
    return workshop.fit_model(baseline, 0)


@pytest.mark.parametrize("name", ["linear", "boosted"])
def test_baselines_of_a_table_are_exported(table_splits, tmp_path, name):
    balanced = name == "linear"
    workshop = Workshop(Tables(), dataclasses.replace(table_splits, balanced=balanced), torch.device("cpu"))
    final = fitted(workshop, tmp_path, name)
    found, expected, manifest = exported(workshop, final, tmp_path / "bundle")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    search = manifest.facts.search
    assert search["space_spec"] is None and Graph.from_dict(search["graph"]) == final.candidate.graph
    assert manifest.params == final.candidate.params > 0 and manifest.macs == final.candidate.macs
    assert len(manifest.facts.recipe) == 1 and not manifest.facts.architecture
    assert manifest.facts.recipe["balance"] is balanced and manifest.facts.data["target"] == "kind"
    card = (tmp_path / "bundle" / CARD).read_text(encoding="utf-8")
    assert "is no point of the search space" in card and f"**{network_name(name)}**" in card


def test_boosted_trees_of_a_regression_target_are_exported(prices, tmp_path):
    workshop = Workshop(Tables(), prices, torch.device("cpu"))
    found, expected, manifest = exported(workshop, fitted(workshop, tmp_path, "boosted"), tmp_path / "bundle")
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert manifest.is_regression and np.abs(found - prices.test.targets[::2]).mean() < 0.5 * prices.test.targets.std()


@pytest.mark.parametrize("most", [0, images.MOST_SOLVED])
def test_the_linear_baseline_of_pictures_is_exported(monkeypatch, tmp_path, most):
    monkeypatch.setattr(images, "MOST_SOLVED", most)
    modality = Images()
    data = modality.load(FitSettings("digits"), tmp_path / "data", None, lambda what, done, total: None).splits
    few = {name: part.take(np.arange(96)) for name, part in data.by_name.items()}
    workshop = Workshop(modality, dataclasses.replace(data, **few), torch.device("cpu"))
    found, expected, manifest = exported(workshop, fitted(workshop, tmp_path, "linear"), tmp_path / "bundle")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert manifest.facts.search["space_spec"] is None and len(manifest.classes) == 10


def test_a_bundle_of_boosted_trees_is_listed_and_drawn(workshop, tmp_path, archsmith):
    exported(workshop, fitted(workshop, tmp_path, "boosted"), tmp_path / "bundle")
    assert "things" in archsmith("bundles", "info", tmp_path / "bundle").out
    drawn = archsmith("draw", tmp_path / "bundle", "--out", tmp_path / "trees.svg")
    assert drawn.code == 0, drawn.err
    assert "trees" in (tmp_path / "trees.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("limits", "fits"), [((10.0, 10.0), 1), ((10.0, 15.0), 1), ((10.0, 30.0), 2), ((10.0, None), 2), ((None, 10.0), 1)]
)
def test_a_model_is_fitted_again_with_much_more_time_and_never_gets_worse(workshop, candidate, tmp_path, limits, fits):
    class Slower:
        """Its second fit is worse, as on a busy machine."""

        name, asked = "boosted", []

        def fit(self, examples, seed, seconds):
            self.asked.append(seconds)
            network = Network(candidate.graph, seed=0)
            if len(self.asked) == 1:
                network.load_state_dict(good)
            return Fitted(network.eval())

    baseline = Slower()
    baseline.asked = []
    good = train(workshop, candidate, tmp_path, 5.0)[0].network.state_dict()
    scores = [
        workshop.fit_model(baseline, 0, seconds=seconds, folder=tmp_path / "models").score.metrics["accuracy"]
        for seconds in limits
    ]
    assert len(baseline.asked) == fits and scores[1] == scores[0]
