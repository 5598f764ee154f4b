"""The command that goes on with a study."""

import pytest

from archsmith.runtime.resuming import more_after, resume_command

OWN = {"evaluator": {"type": "function", "args": {"function": "mylab:quality"}}, "space": {"type": "more.spaces:Mine"}}


@pytest.mark.parametrize(
    ("began", "more", "command"),
    [
        ({}, (), "archsmith studies resume s-1"),
        ({"space": {"type": "toy_flat", "args": {}}}, (), "archsmith studies resume s-1"),
        ({"space": {"type": "archsmith.testing.toys:Flat"}}, (), "archsmith studies resume s-1"),
        ({"space": {"type": "__main__:Mine"}}, (), "archsmith studies resume s-1"),
        (OWN, ("--trials", "+10"), "archsmith --import more.spaces --import mylab studies resume s-1 --trials +10"),
    ],
)
def test_code_of_ones_own_is_imported(began, more, command):
    assert resume_command("s-1", began, *more) == command


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
