from __future__ import annotations

import json

from archsmith.core.job_records import FINISHED, PhaseRecord, ProgressRecord
from archsmith.runtime.phases import Phases


def test_a_phase_begins_says_how_far_it_is_and_ends() -> None:
    phases = Phases()
    phases.step(ProgressRecord("decode", 1, 2))  # nothing is going on
    phases.take(PhaseRecord("read", forecast_seconds=9.0), 100.0)
    phases.step(ProgressRecord("decode", 1, 2))
    assert phases.running is not None and phases.running.latest == ProgressRecord("decode", 1, 2)
    phases.take(PhaseRecord("read", FINISHED, seconds=7.5, result={"n": 3}), 108.0)
    (phase,) = phases.all
    assert phases.running is None and phase.latest is None and (phase.seconds, phase.result) == (7.5, {"n": 3})


def test_one_that_only_ends_began_before() -> None:
    phases = Phases()
    phases.take(PhaseRecord("read", FINISHED, seconds=2.0), 100.0)
    assert (phases.all[0].started, phases.all[0].seconds) == (98.0, 2.0)


def test_the_phases_of_a_process_that_is_gone_are_cut_off() -> None:
    phases = Phases()
    phases.take(PhaseRecord("search"), 100.0)
    phases.take(PhaseRecord("read"), 500.0)
    phases.cut(until=130.0, since=499.0)
    search, read = phases.all
    assert search.cut and search.seconds == 30.0 and phases.running is read
    phases.take(PhaseRecord("search"), 510.0)
    assert phases.seconds_of("search", until=515.0) == 35.0


def test_a_phase_is_json() -> None:
    phases = Phases()
    phases.take(PhaseRecord("search"), 100.0)
    phases.step(ProgressRecord("decode", 1, 2))
    assert json.loads(json.dumps(phases.all[0].to_dict()))["latest"] == {"what": "decode", "done": 1, "total": 2}
