from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from archsmith import catalog
from archsmith.bundle.exporter import Exporter
from archsmith.bundle.intake import EXPORTER, KIND, Intake, ModelInput, intake_class
from archsmith.bundle.manifest import read
from archsmith.core.errors import UsageError


@pytest.mark.parametrize("kind", catalog.names(KIND))
def test_every_kind_of_the_catalogue_knows_its_name(kind: str) -> None:
    found = intake_class(kind)
    assert issubclass(found, Intake)
    assert (found.kind, bool(found.noun), bool(found.nouns)) == (kind, True, True)
    assert issubclass(catalog.get(EXPORTER, kind), Exporter)


@pytest.mark.parametrize("kind", ["smells", "archsmith.bundle.images:ImageIntake", 3])
def test_only_short_names_are_known(kind: str) -> None:
    """A manifest that somebody sent must not name a module to be imported."""
    with pytest.raises(UsageError, match="which this Archsmith does not know"):
        intake_class(kind)


def test_an_input_of_the_model_is_met_by_name_type_and_shape() -> None:
    wanted = ModelInput("image", "tensor(uint8)", (None, None, 3))
    found = {"name": "image", "type": "tensor(uint8)", "shape": ["batch", 7, 3]}
    assert wanted.is_met_by(SimpleNamespace(**found))
    for other in ({"name": "picture"}, {"type": "tensor(float)"}, {"shape": ["batch", 7, 1]}, {"shape": ["batch", 3]}):
        assert not wanted.is_met_by(SimpleNamespace(**{**found, **other}))


def test_a_kind_without_a_form_has_no_page(exported: Any) -> None:
    intake = read(exported.folder).intake
    with pytest.raises(UsageError, match="no web page that takes pictures"):
        Intake.form(intake)
    assert intake.form() == {"channels": 3}
