"""One module gives a plug-in all laws, one for each kind in the catalogue."""

from __future__ import annotations

from archsmith import catalog
from archsmith.testing import laws

# What a kind of data is to a job and to a bundle: held by whole jobs and whole bundles, on real examples.
WHOLE = {"modality", "intake", "exporter"}


def test_every_kind_of_the_catalogue_has_a_law() -> None:
    assert {f"check_{kind}" for kind in catalog.kinds() if kind not in WHOLE} <= set(laws.__all__)


def test_every_name_that_it_gives_is_a_function() -> None:
    assert all(callable(getattr(laws, name)) for name in laws.__all__)
