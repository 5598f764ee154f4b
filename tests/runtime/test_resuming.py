"""The command that goes on with a study."""

import pytest

from archsmith.runtime.resuming import BY_PROGRAM, how_to_go_on, more_after, resume_command

OWN = {"evaluator": {"type": "function", "args": {"function": "mylab:quality"}}, "space": {"type": "more.spaces:Mine"}}


@pytest.mark.parametrize(
    ("began", "more", "command"),
    [
        ({}, (), "archsmith studies resume s-1"),
        ({"space": {"type": "toy_flat", "args": {}}}, (), "archsmith studies resume s-1"),
        ({"space": {"type": "archsmith.testing.toys:Flat"}}, (), "archsmith studies resume s-1"),
        (OWN, ("--trials", "+10"), "archsmith --import more.spaces --import mylab studies resume s-1 --trials +10"),
    ],
)
def test_code_of_ones_own_is_imported(began, more, command):
    assert resume_command("s-1", began, *more) == command


UNWRITTEN = {"evaluator": {"type": "archsmith.evaluators.functions:FunctionEvaluator", "args": None}}


@pytest.mark.parametrize(
    ("began", "by_program"),
    [
        ({"space": {"type": "__main__:Mine", "args": {}}}, True),
        ({"strategy": {"type": "race", "args": {"inner": {"type": "__main__:Mine", "args": {}}}}}, True),
        (UNWRITTEN, True),
        ({**UNWRITTEN, "command": "archsmith search"}, False),  # which a command builds, with what it has by default
        (OWN, False),
        ({}, False),
    ],
)
def test_what_only_its_own_program_can_rebuild_is_given_no_command(began, by_program):
    told = how_to_go_on("s-1", began, "--trials", "+10")
    assert told == (BY_PROGRAM if by_program else f"Go on with: {resume_command('s-1', began, '--trials', '+10')}")


def test_a_folder_with_a_blank_is_quoted():
    assert resume_command("/my studies/a", {}) == "archsmith studies resume '/my studies/a'"


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("seconds", ("--time", "+10m")),
        ("trials", ("--trials", "+10")),
        ("late", ("--time", "+10m")),
        ("outdone", ("--time", "+10m")),
        ("settled", ("--time", "+10m")),
        ("failures", ()),
        (None, ()),
    ],
)
def test_more_is_asked_for_only_where_it_is_needed(reason, more):
    assert more_after(reason) == more


def test_one_that_gave_up_with_its_last_trial_needs_more():
    assert more_after("failures", spent=True) == ("--trials", "+10")
    assert more_after("seconds", spent=True) == ("--time", "+10m")
