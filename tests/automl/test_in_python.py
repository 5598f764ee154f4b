"""Options of the command line in sentences become arguments."""

import pytest

from archsmith.automl.in_python import in_python, speaking_python
from archsmith.core.errors import DataError


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("The target is 'a'; name another one with --target.", "The target is 'a'; name another one with target=."),
        ("Say which with --target (target= in Python).", "Say which with target=."),
        ("with --balance every class counts alike.", "with balance=True every class counts alike."),
        ("To predict classes, leave out --task regression.", "To predict classes, use a classifier."),
        ("Or say --task regression to learn them.", "Or use an estimator for regression to learn them."),
        ("With --task regression they are.", "with an estimator for regression they are."),
        ("Leave it out with --no-pretrained.", "Leave it out with pretrained=False."),
        ("It is too slow: give --time 5m.", 'It is too slow: give time="5m".'),
        ("Go on with: archsmith studies resume last --time +20m", None),
        ("A column --- or a-b.", None),
        ("The target is '--a'.", None),
    ],
)
def test_options_become_arguments_and_commands_stay(said, wanted):
    assert in_python(said) == (said if wanted is None else wanted)


def test_errors_are_those_that_came_in_other_words():
    with pytest.raises(DataError) as error, speaking_python():
        raise DataError("It says --target.", "Use --side.")
    assert str(error.value) == "It says target=. Use side=."
    with pytest.raises(DataError) as error, speaking_python():
        raise DataError("No hint.")
    assert error.value.hint is None
