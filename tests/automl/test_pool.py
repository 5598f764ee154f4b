"""What a job keeps of its trainings, and what it may choose from."""

import re

from archsmith.runtime.workspace import Workspace


def files(finished):
    final = Workspace(finished.settings.workspace).resolve(finished.result.study) / "final"
    return {file.name for file in final.glob("*.safetensors")}


def test_the_winner_goes_on_from_its_trial_and_can_go_on_later(finished):
    (exported,) = [row for row in finished.result.rows if row.exported]
    kept = [name for name in files(finished) if name.startswith("trial")]
    assert len(kept) == 2 and any(name.endswith(".carried.safetensors") for name in kept)
    (trial,) = {int(re.match(r"trial(\d+)", name)[1]) for name in kept}
    assert trial < finished.result.n_trials
    assert exported.name in ("linear", "fixed", "searched", "unfinished")


def test_the_hand_made_network_has_a_row_and_says_whether_it_was_stopped(finished):
    rows = {row.name: row for row in finished.result.rows}
    assert rows["fixed"].stopped == ("searched" in rows)


def test_no_row_is_better_than_what_is_exported(finished, finished_table):
    for job in (finished, finished_table):
        (exported,) = [row.valid for row in job.result.rows if row.exported]
        assert exported == max(row.valid for row in job.result.rows)
