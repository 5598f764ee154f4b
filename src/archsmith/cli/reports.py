"""``archsmith report``: write a study as one HTML file for people."""

from __future__ import annotations

from typing import Annotated

import typer


def report(
    study: Annotated[
        str, typer.Argument(help="Study: its id, the beginning of its id, its folder, or 'last'.")
    ] = "last",
    out: Annotated[
        str | None, typer.Option(help="HTML file to write.  [default: final/report.html in the folder of the study]")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    workspace: Annotated[
        str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Write the report of a study as one HTML file that needs no other files.

    The study may still be running. The report then shows its progress.
    """
    from pathlib import Path

    from archsmith.analysis.report import write_report
    from archsmith.cli.output import emit, say
    from archsmith.runtime.workspace import Workspace

    folder = Workspace(workspace).resolve(study)
    path = write_report(folder, Path(out) if out is not None else folder / "final" / "report.html").resolve()
    if open_it:
        import webbrowser

        webbrowser.open(path.as_uri())
    if json:
        emit({"study": folder.resolve().name, "file": str(path), "bytes": path.stat().st_size})
    else:
        say(f"The report is in {path}")
