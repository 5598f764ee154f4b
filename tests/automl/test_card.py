"""The card of a finished job."""

import dataclasses
import re

import pytest

from archsmith.automl.card import card
from archsmith.automl.fit_result import FitResult, Row
from archsmith.graphs.net import Net

RESULT = FitResult(
    study="digits-1",
    stop_reason="trials",
    seconds=61.5,
    budget_seconds=None,
    n_trials=1,
    n_failed=0,
    n_from_mutation=0,
    metric="accuracy",
    valid=0.99,
    test=0.98,
    metrics={},
    rows=(Row("linear", 0.9, 0.8, params=650), Row("fixed", 0.99, 0.98, params=304_154, exported=True)),
    architecture={},
    params=304_154,
    macs=11_453_696,
    model_dir="models/<digits>",
    report=None,
    test_reads=1,
    max_difference=0.0,
)


@pytest.fixture
def graph():
    net = Net({"numbers": (3,)})
    net.output(net.op("linear", net.input("numbers"), features=2))
    return net.graph()


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_it_is_headed_by_the_score_and_the_size():
    said = words(card("ImageClassifier", RESULT))
    assert said.startswith("ImageClassifier: test accuracy 0.98 304,154 parameters, 11,453,696 multiplications")
    assert "1 trial in 1:02; the search ended because the number of trials was reached" in said


def test_it_has_a_row_for_every_network_and_marks_the_exported_one():
    said = words(card("x", RESULT))
    assert "linear model 0.9 0.8" in said and "hand-made network (exported) 0.99 0.98" in said


def test_without_a_test_score_it_shows_the_validation_score():
    assert "x: validation accuracy 0.99" in card("x", dataclasses.replace(RESULT, test=None))


def test_a_model_that_is_no_network_has_no_size():
    assert "multiplications" not in card("x", dataclasses.replace(RESULT, params=None, macs=None))


def test_a_reason_why_there_is_no_score_gets_a_column():
    failed = dataclasses.replace(RESULT, rows=(*RESULT.rows, Row("searched", error="It diverged.")))
    assert "It diverged." in words(card("x", failed))
    assert card("x", failed).count("<th") == card("x", RESULT).count("<th") + 1


def test_the_drawing_is_folded_away(graph):
    assert "<svg" not in card("x", RESULT)
    html = card("x", RESULT, graph)
    assert "<svg" in html[html.index("<details>") : html.index("</details>")]


def test_nothing_in_it_is_taken_for_html_or_comes_from_elsewhere(graph):
    html = card("<script>", RESULT, graph)
    assert "<script" not in html and "&lt;digits&gt;" in html
    assert not re.search(r'(?:src|href)="', html)


def test_it_says_why_this_network_and_not_a_better_trial():
    rows = (*RESULT.rows, Row("unfinished", 1.0, by_chance=True))
    said = words(card("ImageClassifier", dataclasses.replace(RESULT, rows=rows)))
    assert "The best trial was better on the validation split (1 against 0.99), but by no more than chance" in said
    assert "not clearly better" in said and "best trial" in said
