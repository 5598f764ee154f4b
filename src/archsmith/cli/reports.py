"""``archsmith report``: a study as one HTML file for people."""

from __future__ import annotations

from typing import Annotated

import typer


def report(
    study: Annotated[
        str, typer.Argument(help="Id or folder of the study, the beginning of an id, or 'last'.")
    ] = "last",
    out: Annotated[
        str | None, typer.Option(help="The file.  [default: final/report.html in the study's folder]")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    workspace: Annotated[str | None, typer.Option(help="Folder of the studies, ~/.archsmith when left out.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """Write the report of a study: one HTML file that needs nothing else.

    The study need not be finished: the report shows how far it has come.
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
