"""The command ``archsmith``: combines all commands, and turns errors into one line and an exit code.

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C or SIGTERM. An error is one line on standard
error. With ``--debug`` anywhere in the command, its traceback is shown, too.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from archsmith.cli import app as web_app
from archsmith.cli import bundles, catalog, compare, doctor, fit, networks, reports, search, serve, spaces, studies
from archsmith.cli.interrupts import INTERRUPTED
from archsmith.core.errors import TRACEBACK, ArchsmithError, UsageError, shortened
from archsmith.version import VERSION


class Commands(typer.core.TyperGroup):
    """The list of commands with whole sentences, however narrow the terminal is."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        listed = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(1_000)) for name, each in listed if each is not None])


app = typer.Typer(
    cls=Commands,
    name="archsmith",
    help="Neural architecture search: from data to a network that you can read, run and serve.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: in frames, 80 columns leave 17 letters for the text
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"archsmith {VERSION}\n")
        raise typer.Exit


@app.callback()
def everywhere(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors. Works at any place in the command.")
    ] = False,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="Import a module of yours first, so that studies and bundles may use its classes. Runs its code.",
        ),
    ] = None,
) -> None:
    """Neural architecture search: from data to a network that you can read, run and serve."""
    if modules:
        from archsmith.catalog import admit

        refused: dict[str, UsageError] = {}
        for module in modules:
            try:
                admit(module)
            except UsageError as error:
                refused[module] = error
        if len(refused) == 1:
            raise next(iter(refused.values()))
        if refused:
            said = " ".join(error.message for error in refused.values())
            raise UsageError(said, next(iter(refused.values())).hint)


app.command("fit")(fit.fit)
app.command("predict")(bundles.predict)
app.command("evaluate")(bundles.evaluate)
app.command("serve")(serve.serve)
app.command("app")(web_app.app)
app.command("search")(search.search)
app.command("compare")(compare.compare)
app.add_typer(studies.app, name="studies")
app.add_typer(bundles.app, name="bundles")
app.command("report")(reports.report)
app.command("draw")(networks.draw)
app.command("source")(networks.source)
app.command("zoo")(networks.zoo)
app.command("catalog")(catalog.catalog)
app.command("size")(spaces.size)
app.command("doctor")(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command, and end the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # a file on Windows may not hold ↑; that must not end a command whose work is done
        sys.stdout.reconfigure(errors="backslashreplace")
    if not (debug or sys.warnoptions):
        import warnings

        warnings.simplefilter("ignore")  # what libraries tell programmers, with the paths of their files
    try:
        code = app(args=words, prog_name="archsmith", standalone_mode=False, obj=debug)
        if code == INTERRUPTED:  # what the parser makes of a KeyboardInterrupt
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except ArchsmithError as error:
        there = debug and error.hint == TRACEBACK  # then it stands above the message
        _leave(error.message if there else str(error), error.exit_code, debug)
    except ModuleNotFoundError as error:
        from archsmith.catalog import missing_extra

        if missing := missing_extra(error, "This command"):
            _leave(str(missing), missing.exit_code, debug)
        _leave(f"Internal error: {error}.", 1, debug)
    except BrokenPipeError:
        # The reader of our output has ended (archsmith zoo | head). Without this, Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _leave("Stopped.", INTERRUPTED, debug=False)
    except OSError as error:
        if error.filename is None:
            _leave(f"The system says: {error.strerror or error}.", 1, debug)
        _leave(f"{os.fsdecode(error.filename)!r} cannot be used: {error.strerror}.", 2, debug)
    except Exception as error:
        if hasattr(error, "format_message"):  # the command-line parser's own errors
            _leave_usage(error, debug)
        _leave(
            f"Internal error: {type(error).__name__}: {error}. Run it again with --debug for the traceback.", 1, debug
        )


def _leave_usage(error: Any, debug: bool) -> NoReturn:
    """Report an argument that no command knows. Without any argument, print the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(error.format_message())
        sys.exit(error.exit_code)
    context = getattr(error, "ctx", None)
    message = _plain(error.format_message().strip())
    end = "" if message.endswith((".", "?", "!")) else "."
    _leave(f"{message}{end} See: {context.command_path if context else 'archsmith'} --help", error.exit_code, debug)


def _plain(message: str) -> str:
    """A sentence of the command-line parser about a number, in our words."""
    kinds = (("integer", "a whole number, such as 20"), ("number", "a number, such as 0.5"))
    for theirs, ours in kinds:
        message = re.sub(rf"Input should be a valid {theirs}.*", f"It takes {ours}", message)
    return message


def _leave(message: str, code: int, debug: bool) -> NoReturn:
    """End the process with an error line and an exit code. With ``debug``, print the current traceback first."""
    if debug:
        import traceback

        traceback.print_exc()
    from archsmith.core.wording import visible

    sys.stderr.write(f"archsmith: {visible(shortened(' '.join(message.split())))}\n")
    sys.exit(code)
