import copy

from archsmith.core.errors import ArchsmithError, EvaluationError, MissingExtraError, UsageError


def test_message_and_hint_make_one_line():
    assert str(UsageError("The batch is 0.", "Give at least 1.")) == "The batch is 0. Give at least 1."
    assert str(ArchsmithError("Nothing left.")) == "Nothing left."


def test_exit_codes():
    assert UsageError("x").exit_code == 2
    assert ArchsmithError("x").exit_code == 1


def test_errors_cross_process_borders_whole():
    error = EvaluationError("out of memory", "smaller batch", kind="memory", retryable=True)
    # copy uses the same protocol as the pipes of multiprocessing
    other = copy.copy(error)
    assert (other.message, other.hint, other.kind, other.retryable) == (
        "out of memory",
        "smaller batch",
        "memory",
        True,
    )


def test_missing_extra_names_its_install_line():
    assert 'pip install "archsmith[train]"' in str(MissingExtraError.of("torch", "train", "Training"))


def test_a_message_of_megabytes_loses_its_middle():
    error = UsageError("The cell " + "x" * 10**6 + " is no number.", "Correct it.")
    assert (
        len(str(error)) < 1000 and error.message.startswith("The cell x") and error.message.endswith(" is no number.")
    )
    assert UsageError("x" * 1000).message == "x" * 1000


def test_a_package_that_is_enough_by_itself_is_named_without_an_extra() -> None:
    error = MissingExtraError.alone("pyarrow", "Writing Parquet")
    assert str(error).endswith("Install it with: pip install pyarrow")
