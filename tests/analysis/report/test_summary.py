from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.analysis.story import Report, tell
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def told(make: Any, **wishes: Any) -> Report:
    return tell(read_study(make(**wishes)))


def lead(report: Report) -> str:
    assert report.bought is not None
    return report.bought.lead.replace(NB, " ")


def test_what_the_search_bought(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.80, 0.84), n=3000))
    assert text.startswith(
        "The search found a network that is 4 points better on the test pictures than the hand-made one. It has"
    )
    assert "A linear model alone reaches 60 %: the searched network is 24 points better." in text


def test_a_small_gap_is_said_to_be_perhaps_chance(make: Any) -> None:
    assert "may be chance on 120 test pictures" in lead(told(make, scores=(0.6, 0.80, 0.81), n=120))
    assert "chance" not in lead(told(make, scores=(0.6, 0.70, 0.80), n=3000))


def test_a_draw_is_called_one(make: Any) -> None:
    assert "the search bought no better score here" in lead(told(make, scores=(0.6, 0.8, 0.8)))


def test_a_choice_that_the_test_does_not_confirm_is_admitted(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.84, 0.80), n=3000))
    assert "was therefore chosen, but on the test pictures it is 4 points worse than the hand-made one" in text


def test_a_search_that_found_nothing_better(make: Any) -> None:
    text = lead(told(make, scores=(0.6, 0.84, 0.80), exported="fixed"))
    assert "found no network that beats the hand-made one" in text and "the choice must not look at these" in text


def test_data_that_need_no_network(make: Any) -> None:
    assert "these data do not need a network at all" in lead(told(make, scores=(0.9, 0.7, 0.8)))


def test_a_failed_training_is_named(make: Any) -> None:
    report = told(make, scores=(0.6, None, 0.8))
    assert "The hand-made network could not be trained in full (Out of memory.)" in lead(report)
    assert report.bought is not None and [row.error for row in report.bought.rows] == ["", "Out of memory.", ""]


def test_scores_that_are_no_shares_have_no_points(make: Any) -> None:
    text = lead(told(make, classes=(), metric="r2", scores=(0.5, 0.7, 0.72)))
    assert "better by 0.02 (R²)" in text and "points" not in text


def test_leaks_and_several_looks_at_the_test_part_are_shown_first(make: Any) -> None:
    report = told(make, checks={"leaks": {"valid": 0, "test": 7}}, test_reads=2)
    assert "7 test pictures are in the training or validation part too" in report.answer.warning
    assert "read 2 times" in report.answer.warning and "read twice" in report.reproduce.lead


def test_time(make: Any) -> None:
    spent = told(make).spent
    assert spent is not None
    text = spent.lead.replace(NB, " ")
    assert text.startswith("The job took 58 s of the 1 min that it was given. Most of it went into search (40 s).")
    assert "All phases took about as long as forecast." in text
    assert ("training the searched network", 8.0, 9.0) in spent.rows


def test_balanced_accuracy_is_told_beside_the_plain_rate(make: Any) -> None:
    detail = told(make, metric="balanced_accuracy").answer.detail
    assert "every class counts alike" in detail and "95" in detail


def test_reproduce(make: Any) -> None:
    report = told(make)
    assert (
        report.reproduce.command == "archsmith fit blots --time 60s --space conv_stages --strategy evolution --seed 7"
    )
    assert "read once, and nothing was chosen by them" in report.reproduce.lead
    assert ("seed", "7") in report.reproduce.facts and report.reproduce.bundle == "models/blots"


# What it answers


def confusions(make: Any, said: list[int], labels: list[int], classes: tuple[str, ...] = ("cat", "dog", "owl")) -> Any:
    study = make(classes=classes, n=len(labels) if len(labels) % len(classes) == 0 else 12)
    table = np.full((len(labels), len(classes)), 0.1, np.float32)
    table[np.arange(len(labels)), said] = 0.8
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=np.array(labels))
    answers = tell(read_study(study)).answers
    assert answers is not None
    return answers


@pytest.mark.parametrize(
    ("said", "labels", "text"),
    [
        ([0, 1, 2], [0, 1, 2], "makes no mistake on the 3 test pictures. With so few"),
        ([1, 1, 2], [0, 1, 2], "1 of 3 test pictures is taken for something else. It is “cat” taken for “dog”."),
        ([1, 1, 1, 2, 2, 0], [0, 0, 0, 2, 1, 0], "Most are “cat” taken for “dog” (3 times)."),
        ([1, 1, 0, 0, 2, 2], [0, 0, 1, 1, 0, 2], "Most of these mistakes mix up “cat” and “dog” (4 of 5)."),
        ([1, 2, 0], [0, 1, 2], "No two of these mistakes are alike."),
    ],
)
def test_the_commonest_mistake_in_a_sentence(make: Any, said: list[int], labels: list[int], text: str) -> None:
    assert text in confusions(make, said, labels).confusions.lead.replace(NB, " ")


def test_classes_with_few_pictures_are_called_rough(make: Any) -> None:
    answers = confusions(make, [0, 1, 1], [0, 1, 2])
    assert "“owl” is the hardest class: 0 % of its pictures are recognised." in answers.classes.lead.replace(NB, " ")
    assert "All classes have fewer than 20 test pictures" in answers.classes.lead


def test_the_surest_mistakes_come_first(make: Any) -> None:
    answers = tell(read_study(make(n=600, right=0.5))).answers
    assert answers is not None and answers.worst is not None
    shares = [
        float(dict(mistake.told)["Taken for"].split("(")[1].replace(f"{NB}%)", ""))
        for mistake in answers.worst.mistakes
    ]
    assert len(shares) == 24 and shares == sorted(shares, reverse=True)
    assert all(mistake.picture is not None for mistake in answers.worst.mistakes)


def test_without_mistakes_there_are_no_worst_ones(make: Any) -> None:
    answers = confusions(make, [0, 1, 2], [0, 1, 2])
    assert answers.worst is None


def test_overconfidence_is_named(make: Any) -> None:
    study = make(n=1200)
    labels = np.arange(1200) % 3
    table = np.full((1200, 3), 0.01, np.float32)
    table[np.arange(1200), np.where(np.arange(1200) % 4 == 0, (labels + 1) % 3, labels)] = 0.98
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=labels)
    answers = tell(read_study(study)).answers
    assert answers is not None and answers.confidence is not None
    assert answers.confidence.lead.replace(NB, " ") == (
        "On average the network is 98 % sure of its answer and right 75 % of the time: it is too sure, so read its "
        "probabilities as a rough guide."
    )


def test_numbers_that_lean_to_one_side_and_to_the_middle(make: Any) -> None:
    study = make(classes=(), metric="r2", n=300)
    truth = np.linspace(0, 100, 300)
    np.savez(
        study / "final" / "predictions.npz", test=(50 + 0.5 * (truth - 50) + 10).astype(np.float32), test_labels=truth
    )
    answers = tell(read_study(study)).answers
    assert answers is not None and answers.numbers is not None
    assert (
        "On average it answers 10 too high." in answers.numbers.lead
        and "large values come out too low" in answers.numbers.lead
    )


# The search


def test_a_best_trial_near_the_end_speaks_for_more_time(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    study = read_study(make(n_trials=60))
    progress = tell(study).searching.progress
    assert progress is not None and study.best is not None
    place = [trial.id for trial in study.history.finished].index(study.best.id) + 1
    assert ("more time would probably find better ones" in progress.lead) == (place > 48)
    assert ("would probably gain little" in progress.lead) == (1 < place < 30)
    assert [value for _, value in progress.best] == sorted(value for _, value in progress.best)


def test_the_front_has_no_trial_that_another_beats(make: Any) -> None:
    sizes = tell(read_study(make(n_trials=60))).searching.sizes
    assert sizes is not None
    assert [params for params, _, _ in sizes.front] == sorted(params for params, _, _ in sizes.front)
    for params, value, _ in sizes.front:
        assert not any((dot.params or 0) <= params and (dot.value or 0) > value for dot in sizes.dots)


def test_thinning_keeps_the_best_ones_and_flatters_nothing_that_is_regular(make: Any) -> None:
    progress = tell(read_study(make(n_trials=4000, failed=tuple(range(0, 4000, 50))))).searching.progress
    assert progress is not None and progress.n_left_out + len(progress.dots) == 4000
    shown = {dot.seconds for dot in progress.dots}
    assert {seconds for seconds, _ in progress.best} <= shown
    # 80 of 4000 failed, so about 16 of 800 that are shown; more than 40 would happen once in more than a million fixed
    # lots.
    assert sum(dot.value is None for dot in progress.dots) < 40


def test_the_data_in_a_sentence(make: Any) -> None:
    material = tell(
        read_study(make(checks={"counts": {"train": [100, 10, 50]}, "warnings": ["The classes are uneven."]}))
    ).material
    assert material is not None
    assert "100 training pictures of “cat”, 10 of “dog”" in material.lead.replace(NB, " ")
    assert "1 thing that you should know" in material.lead.replace(NB, " ")
    assert [sample.name for sample in material.samples] == ["cat", "dog", "owl"]


def test_trials_after_a_preparation_are_timed_from_its_end(prepared: Any) -> None:
    trials = [({"depth": i}, {"accuracy": 0.5 + i / 10}, {}) for i in range(3)]
    progress = tell(read_study(prepared([(1.0, {}), (2.0, {})], {}, trials))).searching.progress
    assert progress is not None and progress.prepared
    assert [dot.seconds for dot in progress.dots] == [2.0, 4.0, 6.0] and progress.seconds == 6.0
    assert progress.lead.replace(NB, " ").startswith("3 networks were tried in 6 s.")


def test_scores_of_shared_weights_are_called_so_at_once(prepared: Any) -> None:
    trials = [({"depth": 1}, {"accuracy": 0.5}, {})]
    assert "These scores come from shared weights" in tell(read_study(prepared([], {}, trials))).answer.detail
    assert (
        "shared"
        not in tell(read_study(prepared([], {}, trials, evaluator={"type": "training", "args": {}}))).answer.detail
    )


def test_a_study_without_trials_says_what_it_waits_for(prepared: Any) -> None:
    assert (
        tell(read_study(prepared([(1.0, {})]))).answer.detail
        == "The evaluator was cut off while it prepared; no trial has begun."
    )
    assert tell(read_study(prepared([(1.0, {})], {}))).answer.detail == "No trial has begun."
    pending = read_study(prepared([], {}, [({"depth": 1}, None, {})]))
    assert tell(pending).answer.detail == "Every trial so far failed or is still running."
