import pytest

from archsmith.core.errors import UsageError
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.testing.toys import Flat


def test_losses_are_minimised():
    problem = Problem(Flat(), (Objective("accuracy"), Objective("seconds", maximize=False)))
    assert problem.losses({"accuracy": 0.9, "seconds": 3.0}) == (-0.9, 3.0)
    assert Objective("accuracy").value(-0.9) == 0.9


@pytest.mark.parametrize(
    ("metric", "maximize"), [("accuracy", True), ("params", False), ("latency_ms_edgegpu", False), ("valid_mse", False)]
)
def test_the_name_of_a_metric_says_its_direction(metric, maximize):
    assert Objective(metric).maximize is maximize
    assert Objective(metric, not maximize).maximize is not maximize  # who says it is believed


@pytest.mark.parametrize("metric", ["score", "accuracy_loss"])
def test_a_direction_that_nobody_says_is_asked_for(metric):
    with pytest.raises(UsageError, match=f"--maximize {metric} or --minimize {metric}"):
        Objective(metric)


@pytest.mark.parametrize("direction", ["no", "minimize", 0, 1.0])
def test_a_direction_is_true_or_false(direction):
    with pytest.raises(UsageError, match="maximize cannot be"):
        Objective("accuracy", maximize=direction)


def test_objectives_of_old_logs_keep_the_direction_that_they_were_written_with():
    problem = Problem.from_dict(
        Flat(), {"objectives": [["score", True], ["params", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}
    )
    assert [objective.maximize for objective in problem.objectives] == [True, True]


def test_constraints_are_inclusive():
    limit = Constraint("params", upper=10, lower=2)
    assert [limit.violation({"params": p}) for p in (1, 2, 10, 12)] == [1, 0, 0, 2]


def test_problem_lists_the_metrics_it_needs():
    problem = Problem(
        Flat(), (Objective("accuracy"),), (Constraint("params", upper=1e6), Constraint("accuracy", lower=0.1))
    )
    assert problem.metrics == ("accuracy", "params")
    assert problem.feasible({"accuracy": 0.5, "params": 10}) and not problem.feasible({"accuracy": 0.5, "params": 1e7})


def test_round_trip():
    problem = Problem(Flat(), (Objective("loss", False),), (Constraint("ms", upper=5.0),), Fidelity("epochs", 1, 8))
    assert Problem.from_dict(Flat(), problem.to_dict()) == problem
    partial = Problem(Flat(), fidelity=Fidelity("epochs", 12, 12, full=200))
    assert Problem.from_dict(Flat(), partial.to_dict()) == partial
    assert partial.fidelity.partial and not problem.fidelity.partial


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constraint("params"),
        lambda: Fidelity("epochs", 0, 3),
        lambda: Fidelity("epochs", 4, 3),
        lambda: Fidelity("epochs", 1, 3, full=2),
        lambda: Problem(Flat(), ()),
        lambda: Problem(Flat(), (Objective("a", True), Objective("a", False))),
    ],
)
def test_refuses_nonsense(make):
    with pytest.raises(UsageError):
        make()


def test_one_objective_and_one_constraint_need_no_brackets():
    problem = Problem(Flat(), Objective("accuracy"), Constraint("params", upper=3))
    assert problem == Problem(Flat(), (Objective("accuracy"),), (Constraint("params", upper=3),))
    assert Problem(Flat(), [Objective("accuracy")]) == Problem(Flat())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Problem(Flat(), "quality"), r"The objectives of a problem cannot be 'quality'\. .* Objective\("),
        (lambda: Problem(Flat(), ("quality",)), r"cannot be 'quality'"),
        (lambda: Problem(Flat(), 3), r"cannot be 3\."),
        (lambda: Problem(Flat(), constraints="a<=3"), r"The constraints of a problem .* Constraint\("),
        (lambda: Problem(Flat), r"The space is the class Flat, .* Flat\(\)"),
        (lambda: Problem(Flat(), fidelity=3), r"The fidelity cannot be 3\."),
        (lambda: Problem("flat"), r"The space of a problem cannot be 'flat'\. Give a search space"),
        (lambda: Problem(Objective("accuracy")), r"The space of a problem cannot be an Objective"),
        (lambda: Objective(3), r"Objective\.metric cannot be 3\. It takes a text\."),
        (lambda: Objective(""), r"The objective names no metric\."),
        (lambda: Objective("accuracy", "max"), r"maximize cannot be 'max'\. It takes True or False\."),
        (lambda: Constraint("params", upper="1e6"), r"upper cannot be '1e6'\. .* without quotation marks\."),
        (lambda: Constraint("params", lower=5, upper=1), r"lower bound 5 is above its upper bound 1\. Exchange them"),
        (lambda: Constraint("params", upper=float("nan")), r"upper cannot be nan\."),
        (lambda: Fidelity(1, 10), r"Fidelity\.name cannot be 1\."),
        (lambda: Fidelity("epochs", "1", "10"), r"Fidelity\.minimum cannot be '1'\."),
        (lambda: Fidelity("epochs", 1, 10, "all"), r"Fidelity\.full cannot be 'all'\."),
    ],
)
def test_a_part_of_another_kind_is_refused_in_a_sentence(make, words):
    with pytest.raises(UsageError, match=words):
        make()
