"""The report of a study: one HTML file that needs nothing else, for a person who knows no neural networks.

A report is a list of sections. Each section turns the study into facts and sentences, draws them, and has a template.
The file asks nobody for anything: style and pictures are inside, and a content security policy forbids the rest.
"""

from __future__ import annotations

from pathlib import Path

from archsmith.analysis.report.page import render
from archsmith.analysis.study import read_study
from archsmith.core.errors import UsageError
from archsmith.core.files import write_text


def write_report(study: Path | str, target: Path | str) -> Path:
    """Write the report of the study in the folder ``study`` to the file ``target``, and return its path.

    The file is written whole or not at all. The study need not be finished. Raises StudyError without a log,
    UsageError where the file cannot be written, MissingExtraError without jinja2.
    """
    target = Path(target)
    if target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder.", "Name a file, as report.html.")
    page = render(read_study(study))
    try:
        write_text(target, page)
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {str(target)!r} ({error.strerror}).", "Choose another place."
        ) from error
    return target
