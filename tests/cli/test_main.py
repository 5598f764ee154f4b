from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import pytest

from archsmith.cli import main as module
from archsmith.core.errors import TRACEBACK, ArchsmithError, UsageError
from archsmith.version import VERSION

COMMANDS = ("fit", "predict", "evaluate", "search", "studies", "draw", "zoo", "catalog", "doctor")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make every command raise something."""

    def raise_it(error: BaseException) -> None:
        def app(**_: Any) -> None:
            raise error

        monkeypatch.setattr(module, "app", app)

    return raise_it


def test_help_names_every_command(command: Any) -> None:
    answer = command("--help")
    assert answer.code == 0
    assert [name for name in COMMANDS if name not in answer.out] == []


def test_version(command: Any) -> None:
    answer = command("--version")
    assert (answer.code, answer.out) == (0, f"archsmith {VERSION}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Any, name: str) -> None:
    answer = command(name, "-h")
    assert answer.code == 0
    assert f"archsmith {name}" in answer.out


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(command: Any) -> None:
    answer = command()
    assert answer.code == 2
    assert "Usage" in answer.out


def test_an_unknown_command_is_a_usage_error(command: Any) -> None:
    answer = command("fitt")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("archsmith: No such command 'fitt'.") and answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("The depth is 0.", "Give 1 or more."), 2, "archsmith: The depth is 0. Give 1 or more.\n"),
        (ArchsmithError("The disk\nis full."), 1, "archsmith: The disk is full.\n"),
        (KeyError("x"), 1, "archsmith: Internal error: KeyError: 'x'. Run it again with --debug for the traceback.\n"),
        (KeyboardInterrupt(), 130, "archsmith: Stopped.\n"),
        (OSError(36, "File name too long", "aa"), 2, "archsmith: 'aa' cannot be used: File name too long.\n"),
        (OSError(28, "No space left on device"), 1, "archsmith: The system says: No space left on device.\n"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            "archsmith: This command needs the package 'torch', which is not installed. Install it with: pip install "
            '"archsmith[train]" (in a clone: pip install -e ".[train]")\n',
        ),
        (
            ModuleNotFoundError("No module named 'oops'", name="oops"),
            1,
            "archsmith: Internal error: No module named 'oops'.\n",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    command: Any, broken: Any, error: BaseException, code: int, line: str
) -> None:
    broken(error)
    answer = command("zoo")
    assert (answer.code, answer.out, answer.err) == (code, "", line)


@pytest.mark.parametrize("words", [("--debug", "zoo"), ("zoo", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(command: Any, broken: Any, words: tuple[str, ...]) -> None:
    broken(UsageError("The depth is 0."))
    answer = command(*words)
    assert answer.code == 2
    assert "Traceback (most recent call last)" in answer.err
    assert answer.err.endswith("archsmith: The depth is 0.\n")


def test_debug_is_not_recommended_to_who_asked_for_it(command: Any, broken: Any) -> None:
    broken(UsageError("Mine.ask raised ValueError: boom.", TRACEBACK))
    assert command("zoo").err.endswith("boom. The traceback says where. The command line shows it with --debug.\n")
    assert command("zoo", "--debug").err.endswith("archsmith: Mine.ask raised ValueError: boom.\n")


LONG = "x" * 5000


@pytest.mark.parametrize(
    "words",
    [
        ("draw", LONG),
        ("report", LONG),
        ("studies", "show", LONG),
        ("bundles", "info", LONG),
        ("predict", LONG, "a.png"),
        (LONG,),
    ],
    ids=" ".join,
)
def test_a_name_that_is_far_too_long_is_refused_in_a_short_line(command: Any, words: tuple[str, ...]) -> None:
    answer = command(*words)
    assert answer.code in (1, 2) and "Internal error" not in answer.err
    assert answer.err.count("\n") == 1 and len(answer.err) < 2100


@pytest.mark.parametrize("module", ["", ".x", "...", "a-b", "/etc/passwd"])
def test_what_is_no_name_of_a_module_is_not_imported(command: Any, module: str) -> None:
    answer = command("--import", module, "zoo")
    assert (answer.code, answer.out) == (2, "")
    assert "is not the name of a module" in answer.err


def test_as_a_program_it_ends_with_the_same_code_and_line(archsmith: Any) -> None:
    ran = archsmith("studies", "show", "nothing")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("archsmith: There is no study 'nothing'") and ran.err.count("\n") == 1


@pytest.mark.clock
def test_help_takes_at_most_half_a_second(archsmith: Any) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        archsmith("--help")
        return time.perf_counter() - began

    seconds()  # fills the caches of the disk
    took = min(seconds() for _ in range(9))  # what disturbs a measurement only ever adds to it
    assert took <= 0.5


def test_what_a_file_cannot_hold_is_written_out(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")  # as Windows opens it
    monkeypatch.setattr(module.sys, "stdout", file)
    words = ("--set", 'evaluator.metrics=["accuracy", "params"]', "--maximize", "accuracy", "--minimize", "params")
    answer = command("search", *words, "--trials", "4")
    file.flush()
    assert answer.code == 0, answer.err
    assert r"accuracy \u2191" in file.buffer.getvalue().decode("cp1252")


def test_ctrl_c_inside_a_command_is_one_line(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("archsmith.catalog.kinds", pressed)
    monkeypatch.setattr("archsmith.catalog.strays", pressed)
    answer = command("catalog")
    assert (answer.code, answer.out, answer.err) == (130, "", "archsmith: Stopped.\n")


def test_every_module_that_cannot_be_imported_is_named(command: Any) -> None:
    answer = command("--import", "nope_a", "--import", "nope_b", "zoo")
    assert (answer.code, answer.out) == (2, "")
    assert "'nope_a'" in answer.err and "'nope_b'" in answer.err and answer.err.count("\n") == 1


def test_what_libraries_tell_programmers_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import warnings

    monkeypatch.setattr(module, "app", lambda **_: warnings.warn("of a library", UserWarning, stacklevel=1))
    monkeypatch.setattr(module.sys, "warnoptions", [])
    with warnings.catch_warnings(record=True) as shown, pytest.raises(SystemExit):
        warnings.simplefilter("always")
        module.main([])
    assert [str(each.message) for each in shown] == []
