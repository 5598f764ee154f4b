"""Facts of single networks, and of two against one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from archsmith.app.house import House
from archsmith.app.networks import EXPORTED, Networks
from archsmith.core.errors import UsageError
from archsmith.core.job_records import ResultRecord
from archsmith.core.records import Finished, Proposed, ProposedTrial, Reported
from archsmith.core.trial import Outcome
from archsmith.runtime.study_view import StudyView, try_view
from archsmith.server.refusals import Refusal


def test_a_trial_tells_what_its_log_says(house: House, evolved: str) -> None:
    with house.studies.get(evolved).look() as view:
        best, ranked = view.best, [trial.id for trial in view.ranking()]
        assert best is not None
        child = next(trial for trial in view.history.trials if trial.parents)
    found = house.networks.get(evolved, str(best.id))
    assert found.title == f"Trial {best.id}" and found.state == "finished" and found.place == 1
    assert found.previous is None and found.next == ranked[1] and found.n_ranked == len(ranked)
    assert {fact.name for fact in found.scores} == {"parameters", "multiply-adds"}
    assert dict(best.architecture).keys() == {fact.name for fact in found.decisions}
    parent = child.parents[0]
    assert house.networks.get(evolved, str(child.id)).parents == child.parents
    assert child.id in house.networks.get(evolved, str(parent)).children
    assert house.networks.get(evolved, str(ranked[1])).previous == best.id


@pytest.mark.parametrize("name", ["99", EXPORTED, "-1", "1e3", "../1", "", "٣"])
def test_a_network_that_is_not_there_is_refused(house: House, evolved: str, name: str) -> None:
    with pytest.raises(Refusal) as error:
        house.networks.get(evolved, name)
    assert error.value.status == 404


@pytest.mark.parametrize("study", ["nothing", "..", "a/../evolved", ""])
def test_a_study_that_is_not_there_is_refused(house: House, study: str) -> None:
    with pytest.raises(Refusal):
        house.networks.get(study, "0")


def test_two_networks_differ_where_they_differ(house: House, evolved: str) -> None:
    with house.studies.get(evolved).look() as view:
        child = next(trial for trial in view.history.trials if trial.parents)
        a, b = dict(view.history.trials[child.parents[0]].architecture), dict(child.architecture)
    found = house.networks.difference((evolved, str(child.parents[0])), (evolved, str(child.id)))
    assert found.n_different == sum(a.get(name) != b.get(name) for name in {**a, **b})
    kinds = [row.same for row in found.decisions]
    assert kinds == sorted(kinds) and len(kinds) == len({**a, **b})
    alone = house.networks.difference((evolved, "0"), (evolved, "0"))
    assert alone.n_different == 0 and all(row.same for row in alone.scores)


def test_a_trial_is_drawn_and_written_as_source(house: House, evolved: str) -> None:
    found = house.networks.drawn(evolved, "0")
    assert found.params > 0 and "<svg" in found.pictures[0].svg
    assert "class Network(nn.Module)" in house.networks.source(evolved, "0")


def exported(view: StudyView, row: dict[str, object]) -> Networks:
    """Networks of one study whose job ended with ``row``."""
    result = ResultRecord("accuracy", rows=({"exported": True, **row},))
    view.job.take(result)
    return networks_of(view)


def test_the_exported_network_is_the_row_of_its_job(house: House, evolved: str, tmp_path: Path) -> None:
    view = try_view(house.workspace.studies / evolved)
    networks = exported(
        view, {"name": "searched", "trial": 2, "valid": 0.9, "test": 0.875, "params": 1200, "seconds": 3}
    )
    found = networks.get(evolved, EXPORTED)
    assert found.title == "Searched network" and found.trial == 2 and found.state == "exported"
    assert [(fact.name, fact.text.replace("\u00a0", " ")) for fact in found.scores][:2] == [
        ("accuracy, validation split", "90 %"),
        ("accuracy, test split", "87.5 %"),
    ]
    assert networks.drawn(evolved, EXPORTED).params == networks.drawn(evolved, "2").params


def networks_of(view: StudyView) -> Networks:
    @contextmanager
    def look(study: str) -> Iterator[StudyView]:
        yield view

    return Networks(look)


def test_a_trial_says_where_its_network_stands(view_of: Any, tried: Any) -> None:
    further = Proposed((ProposedTrial(2, {"x": 1}, 2.0, (0,)),))
    rows = ({"name": "searched", "trial": 1, "valid": 0.95, "epochs": 40.0, "exported": True},)
    result = ResultRecord("accuracy", rows=rows)
    fallen = Finished(2, Outcome.success({"accuracy": 0.7}, 1.0))
    networks = networks_of(view_of(tried(0, 0.9), tried(1, 0.8, x=2), further, fallen, result))
    first, other = networks.get("blots-1", "0"), networks.get("blots-1", "1")
    assert first.place == 1 and first.ranked == "2\u00a0networks with a score"
    assert first.beyond.startswith("Its network (trials 0 and 2) stands at 70\u00a0%. Its trial 0 was the best of all")
    assert other.beyond.startswith("Its network stands at 95\u00a0% after 40 epochs. It had its last training")
    assert networks.get("blots-1", "2").beyond == ""


def test_what_is_no_network_has_no_drawing(house: House, evolved: str) -> None:
    view = try_view(house.workspace.studies / evolved)
    networks = exported(view, {"name": "boosted", "valid": "much"})
    found = networks.get(evolved, EXPORTED)
    assert found.trial is None and found.decisions == () and found.scores == ()
    with pytest.raises(UsageError, match="nothing to draw"):
        networks.drawn(evolved, EXPORTED)


def test_an_unreadable_study_says_why(tmp_path: Path) -> None:
    @contextmanager
    def look(study: str) -> Iterator[StudyView]:
        yield try_view(tmp_path)

    with pytest.raises(Refusal, match="no study"):
        Networks(look).get("study", "0")


def test_a_training_that_goes_on_is_told_apart_from_a_network_that_was_made(view_of: Any, tried: Any) -> None:
    view = view_of(tried(0, 0.5), tried(1, 0.6, parents=(0,)), tried(2, 0.7, x=2, parents=(0,)))
    networks = networks_of(view)
    first, further, made = (networks.get("blots-1", name) for name in "012")
    assert (first.further, first.children, first.n_children) == ((1,), (2,), 1)
    assert (first.goes_on, further.goes_on, made.goes_on) == (False, True, False)


def test_a_training_that_begins_anew_does_not_go_on(view_of: Any, tried: Any) -> None:
    further = Proposed((ProposedTrial(1, {"x": 1}, 2.0, (0,), {"operator": "carry_on"}),))
    for notes, told in (
        ({}, "goes on from trial 0"),
        ({"parent_lost": True}, "begins anew, without what trial 0 had learnt"),
    ):
        view = view_of(tried(0, 0.5), further, Finished(1, Outcome.success({"accuracy": 0.6}, 1.0, notes)))
        facts = {fact.name: fact.text for fact in networks_of(view).get("blots-1", "1").facts}
        assert facts["how it was made"] == told


@pytest.mark.parametrize(("fidelity", "told"), [(1.0, set()), (9.0, {"epochs"})])
def test_a_fidelity_that_is_left_as_it_is_tells_nothing(
    view_of: Any, tried: Any, fidelity: float, told: set[str]
) -> None:
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, fidelity]}
    found = networks_of(view_of(tried(0, 0.5), problem=problem, job=False)).get("blots-1", "0")
    assert {fact.name for fact in found.facts} == {"took"} | told


def test_accuracies_of_a_study_are_all_shares_or_all_in_percent(view_of: Any, tried: Any) -> None:
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    began = Proposed((ProposedTrial(1, {"x": 2}, 9.0),))
    told = [Reported(1, 1.0, {"accuracy": 0.5}), Reported(1, 2.0, {"accuracy": 1.0})]
    ended = Finished(1, Outcome.success({"accuracy": 1.0}, 1.0))
    view = view_of(tried(0, 93.0, fidelity=9.0), began, *told, ended, problem=problem, job=False)
    found = networks_of(view).get("blots-1", "1")
    assert [fact.text for fact in found.scores] == ["1"]
    assert found.curve is not None and found.curve.most == 93.0


def test_equals_in_the_ranking_are_counted(view_of: Any, tried: Any) -> None:
    networks = networks_of(view_of(tried(0, 0.9), tried(1, 0.9, x=2), tried(2, 0.5, x=3)))
    assert [networks.get("blots-1", name).n_equal for name in "012"] == [1, 1, 0]


def test_with_several_objectives_it_says_by_which_one_is_ranked(view_of: Any, tried: Any) -> None:
    objectives = [["accuracy", True], ["params", False]]
    problem = {"objectives": objectives, "constraints": [], "fidelity": ["epochs", 1.0, 9.0]}
    view = view_of(tried(0, 0.5, metrics={"params": 10}), problem=problem, job=False)
    assert networks_of(view).get("blots-1", "0").ranked == "1\u00a0trial by accuracy"


def test_the_scores_of_a_trial_and_of_the_exported_network_are_called_alike(view_of: Any, tried: Any) -> None:
    rows = ({"name": "searched", "trial": 0, "valid": 0.9, "exported": True},)
    networks = networks_of(view_of(tried(0, 0.9), ResultRecord("accuracy", rows=rows)))
    found = networks.difference(("blots-1", EXPORTED), ("blots-1", "0"))
    assert {row.name: row.same for row in found.scores} == {"accuracy, validation split": True}


@pytest.mark.parametrize(
    ("fidelity", "last", "unit"),
    [
        (["work", 1.0, 100.0], 3.0, "epochs"),
        (["epochs", 1.0, 9.0], 3.0, "epochs"),
        (["epochs", 1.0, 1.0], 3.0, "steps"),  # as it is unless somebody says otherwise
        (["points", 1.0, 9.0], 3.0, "steps"),
    ],
)
def test_steps_of_a_curve_are_epochs_only_where_they_are(
    view_of: Any, fidelity: list[Any], last: float, unit: str
) -> None:
    problem = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": fidelity}
    began = Proposed((ProposedTrial(0, {"x": 1}, min(9.0, fidelity[2])),))
    told = [Reported(0, 1.0, {"accuracy": 40.0}), Reported(0, last, {"accuracy": 93.0})]
    curve = networks_of(view_of(began, *told, problem=problem)).get("blots-1", "0").curve
    assert curve is not None and (curve.unit, curve.points) == (unit, ((1.0, 40.0), (last, 93.0)))
