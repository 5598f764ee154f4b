"""A section of a report: what it shows of a study, how it draws that, and which words the glossary then explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.report.kind import Words
from archsmith.analysis.study import Study

Term = tuple[str, str]  # a word and its explanation


def no_drawings(study: Study, facts: Any) -> Mapping[str, str]:
    return {}


def no_terms(facts: Any, words: Words) -> tuple[Term, ...]:
    return ()


@dataclass(frozen=True)
class Section:
    """One section of a report.

    name: its id in the page, and the name of its template ``templates/report/<name>.html`` unless ``template`` is given
    title: its heading, and its line in the list of sections
    facts: what it shows of a study; None leaves the section out
    drawings: SVG by name, from the study and those facts
    terms: what the glossary explains because this section is there
    template: the name of the template, without its ending; empty for ``name``
    """

    name: str
    title: str
    facts: Callable[[Study], Any]
    drawings: Callable[[Study, Any], Mapping[str, str]] = no_drawings
    terms: Callable[[Any, Words], tuple[Term, ...]] = no_terms
    template: str = ""

    @property
    def file(self) -> str:
        """The path of the template below the folder of templates."""
        return f"report/{self.template or self.name}.html"
