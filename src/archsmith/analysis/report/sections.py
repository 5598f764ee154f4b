"""Which sections a report has, in their order: those of every study, and those of one kind of data."""

from __future__ import annotations

from archsmith.analysis.report import (
    baselines,
    calibration,
    classification,
    data,
    final_training,
    front,
    images,
    mistakes,
    network,
    policy,
    regression,
    reproduction,
    search,
    shared_weights,
    sizes,
    surrogate,
    tables,
    time_spent,
)
from archsmith.analysis.report.section import Section

EVERY: tuple[Section, ...] = (
    data.SECTION,
    baselines.SECTION,
    classification.SECTION,
    calibration.SECTION,
    regression.SECTION,
    mistakes.SECTION,
    shared_weights.SECTION,
    front.SECTION,
    search.SECTION,
    sizes.SECTION,
    policy.SECTION,
    surrogate.SECTION,
    network.SECTION,
    final_training.SECTION,
    time_spent.SECTION,
    reproduction.SECTION,
)
# A section with the name of one above takes its place; a new one follows the section that stands before it here.
OF_KIND: dict[str, tuple[Section, ...]] = {"image": images.SECTIONS, "table": tables.SECTIONS}


def sections_for(kind: str) -> tuple[Section, ...]:
    """The sections of a report about data of ``kind``, as ``image``; the common ones where the kind is unknown."""
    chosen = list(EVERY)
    place = 0
    for own in OF_KIND.get(kind, ()):
        names = [section.name for section in chosen]
        if own.name in names:
            place = names.index(own.name)
            chosen[place] = own
        else:
            place += 1
            chosen.insert(place, own)
    return tuple(chosen)
