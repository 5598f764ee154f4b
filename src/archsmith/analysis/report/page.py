"""The page of a report: its first lines, its sections, and the glossary of the words that these used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis import pages
from archsmith.analysis.report.kind import Words, kind_of, words_of
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.report.sections import sections_for
from archsmith.analysis.report.summary import summary_of
from archsmith.analysis.study import Study
from archsmith.analysis.wording import NB
from archsmith.core.files import reading
from archsmith.version import VERSION


@dataclass(frozen=True)
class Made:
    """A section that has become a part of the page.

    name: its id
    title: its heading
    html: what stands below the heading
    terms: what the glossary has to explain because of it
    """

    name: str
    title: str
    html: Any
    terms: tuple[Term, ...]


def render(study: Study, sections: Sequence[Section] | None = None) -> str:
    """The page as text. ``sections``: those of the study's kind of data when None.

    A section that fails is left out, and the foot of the page says why. Raises MissingExtraError without jinja2.
    """
    environment = pages.environment("The report")
    made: list[Made] = []
    failed: list[str] = []
    with reading("What the log of this study says of its job cannot be shown", "Restore it from a copy."):
        words, summary = words_of(study), summary_of(study)
        chosen = sections_for(kind_of(study)) if sections is None else sections
    for section in chosen:
        try:
            done = _made(section, study, words, environment)
        except Exception as error:  # what one section cannot read must not cost the whole page
            failed.append(f"The section “{section.title}” could not be made: {_reason(error)}")
            continue
        if done is not None:
            made.append(done)
    return str(
        environment.get_template("report/page.html").render(
            summary=summary,
            sections=made,
            failed=failed,
            missing=study.missing,
            glossary=_glossary(made, words),
            style=pages.safe(pages.style_sheet()),
            written=pages.now(),
            version=VERSION,
        )
    )


def _made(section: Section, study: Study, words: Words, environment: Any) -> Made | None:
    facts = section.facts(study)
    if facts is None:
        return None
    drawings = {name: pages.safe(svg) for name, svg in section.drawings(study, facts).items() if svg}
    html = environment.get_template(section.file).render(
        name=section.name, facts=facts, drawings=drawings, study=study, words=words
    )
    return Made(section.name, section.title, pages.safe(html), section.terms(facts, words))


def _reason(error: Exception) -> str:
    """One line of text, with a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text.rstrip('.')[:200]}."


def _glossary(made: Sequence[Made], words: Words) -> tuple[Term, ...]:
    """The words that every report uses, and those of its sections; each once."""
    terms = [
        (
            "architecture",
            "The plan of a network: which operations it has, how many, and how they are joined. "
            f"What the network then learns from {words.many} are its parameters.",
        ),
        (
            f"training, validation and test {words.many}",
            "Networks learn from the training split. The validation split decides which network is chosen. "
            "The test split is kept aside and used for one measurement at the end.",
        ),
        (
            f"95{NB}% interval",
            f"A score on a limited number of {words.many} is partly luck. "
            "An interval of this kind holds the true rate in 19 of 20 cases.",
        ),
        (
            "parameters, multiplications",
            "The size of a network and its work: how many numbers it holds, "
            f"and how many multiplications it needs for one {words.one}.",
        ),
    ]
    terms += [term for section in made for term in section.terms]
    return tuple(dict(terms).items())
