"""Options of a command out of the fields of a settings class."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from archsmith.automl.settings import FitSettings, option
from archsmith.cli.options import with_options

OPTIONS = [entry for entry in dataclasses.fields(FitSettings) if "help" in entry.metadata]


def flag_of(entry: dataclasses.Field[Any]) -> str:
    return str(entry.metadata["flag"] or f"--{entry.name.replace('_', '-')}")


@pytest.fixture(scope="module")
def help_of_fit() -> str:
    """``archsmith fit --help`` without lines, frames and colours."""
    from archsmith.cli.main import app

    environment = {"COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1", "TERM": "dumb"}
    answer = CliRunner().invoke(app, ["fit", "--help"], env=environment)
    assert answer.exit_code == 0
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", answer.output).split())


@pytest.mark.parametrize("entry", OPTIONS, ids=lambda entry: entry.name)
def test_every_setting_with_a_help_is_an_option_of_fit(help_of_fit: str, entry: dataclasses.Field[Any]) -> None:
    assert re.search(rf"(?<!\S){flag_of(entry)}(?!\S)", help_of_fit)
    whole = help_of_fit.replace("- ", "-")  # a line may end at a hyphen
    assert entry.metadata["help"].rstrip(".").replace("- ", "-") in whole


def test_no_two_settings_share_a_flag() -> None:
    flags = [flag_of(entry) for entry in OPTIONS]
    assert len(set(flags)) == len(flags)


# A settings class of our own


@dataclass(frozen=True)
class Oven:
    """Settings that have one field of each type."""

    dish: str
    seconds: float | None = option(60.0, "How long.", flag="--time")
    heat: int = option(180, "How hot.", least=50)
    share: float | None = option(None, "How much of it.")
    top_shelf: bool = option(False, "Up there.")
    name: str | None = option(None, "Its name.", flag="--called")
    salt: bool = option(True, "With salt.")
    hidden: int = 7


@pytest.fixture
def bake() -> Callable[..., Any]:
    """``bake("--heat", "200")`` gives what the command got, or its answer when it failed."""
    given: dict[str, Any] = {}

    def command(dish: str, loud: bool = False, **options: Any) -> None:
        """Bake it."""
        given.clear()
        given.update(options, dish=dish, loud=loud)

    app = typer.Typer()
    app.command()(with_options(Oven, leave_out=("share",))(command))

    def run(*words: str) -> Any:
        answer = CliRunner().invoke(app, ["cake", *words], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
        return dict(given) if answer.exit_code == 0 and "--help" not in words else answer

    return run


def test_options_that_are_left_out_have_the_defaults_of_their_fields(bake: Callable[..., Any]) -> None:
    assert bake() == {
        "dish": "cake", "loud": False, "seconds": None, "heat": 180, "top_shelf": False, "name": None, "salt": True
    }  # fmt: skip


def test_words_get_the_types_of_their_fields(bake: Callable[..., Any]) -> None:
    given = bake("--heat", "200", "--top-shelf", "--called", "5", "--loud")
    assert (given["heat"], given["top_shelf"], given["name"], given["loud"]) == (200, True, "5", True)


def test_a_length_of_time_stays_as_it_was_written(bake: Callable[..., Any]) -> None:
    assert bake("--time", "1h30m")["seconds"] == "1h30m"


@pytest.mark.parametrize("words", [("--heat", "49"), ("--heat", "hot"), ("--name", "x"), ("--seconds", "3")])
def test_what_no_field_takes_is_refused(bake: Callable[..., Any], words: tuple[str, str]) -> None:
    assert bake(*words).exit_code == 2


@pytest.mark.parametrize("flag", ["--share", "--hidden", "--dish"])
def test_fields_that_are_left_out_or_have_no_help_are_no_options(bake: Callable[..., Any], flag: str) -> None:
    assert bake(flag, "1").exit_code == 2


def test_the_help_is_the_commands_own_and_that_of_the_fields(bake: Callable[..., Any]) -> None:
    said = bake("--help").output
    assert all(words in said for words in ("Bake it.", "How hot.", "x>=50", "default: 180", "--called"))


@pytest.mark.parametrize(("words", "salt"), [((), True), (("--salt",), True), (("--no-salt",), False)])
def test_what_is_true_unless_said_otherwise_can_be_denied(
    bake: Callable[..., Any], words: tuple[str, ...], salt: bool
) -> None:
    assert bake(*words)["salt"] is salt
