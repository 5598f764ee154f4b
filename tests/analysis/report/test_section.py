from __future__ import annotations

from archsmith.analysis.report.kind import EXAMPLES
from archsmith.analysis.report.section import Section


def test_the_template_has_the_name_of_the_section_unless_it_says_otherwise() -> None:
    assert Section("data", "The data", lambda _: None).file == "report/data.html"
    assert Section("data", "The data", lambda _: None, template="other").file == "report/other.html"


def test_a_section_that_says_nothing_else_draws_and_explains_nothing() -> None:
    section = Section("data", "The data", lambda _: 3)
    assert section.drawings(None, 3) == {} and section.terms(3, EXAMPLES) == ()  # type: ignore[arg-type]
