import dataclasses

import pytest

from archsmith.automl.job import fit
from archsmith.automl.settings import FitSettings

# Far more time than it takes: the trials and the epochs end it, on slow and busy machines too.
SETTINGS = FitSettings(data="digits", seconds=300.0, trials=2, settings={"recipe": {"epochs": 8}})


@dataclasses.dataclass
class Finished:
    """One job that ran to its end: what it was asked, what it answered, and the events that an observer saw."""

    settings: FitSettings
    result: object
    events: list


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A whole job on the shipped digits; the tests of this folder share it."""
    place = tmp_path_factory.mktemp("job")
    settings = dataclasses.replace(SETTINGS, workspace=str(place / "workspace"), out=str(place / "bundle"))
    events = []
    return Finished(settings, fit(settings, observer=events.append), events)
