from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.bundle.card import card
from archsmith.bundle.images import ImageIntake
from archsmith.bundle.manifest import CARD, NOTICE, Facts, Origin, read
from archsmith.bundle.predictor import Predictor
from archsmith.data.images.decode import decode


def test_states_the_facts_of_the_run(exported: Any) -> None:
    text = (exported.folder / CARD).read_text(encoding="utf-8")
    numbers = ("400 for training", "100 for the final score", "90.00 %", "69.00 %", "| 20:00 |")
    for fact in ("# shapes", "conv_stages", "evolution", "**searched network**", *numbers):
        assert fact in text
    assert exported.facts.command in text
    assert f"{read(exported.folder).params:,} parameters" in text
    assert "uneven" in text and "20 to 300" in text
    assert "between 82.6 % and 94.5 % (95 % interval)" in text  # Wilson's, as the report has it


def test_the_card_tells_no_time_of_a_job_that_is_still_going_on(exported: Any) -> None:
    assert exported.facts.budget["seconds_used"] == 1187.2  # before the test of the bundle and the report
    assert "1,187" not in card(read(exported.folder)) and "1187" not in card(read(exported.folder))


def test_trials_with_shared_weights_are_no_trainings(exported: Any) -> None:
    manifest = read(exported.folder)
    for weights, shared in (({}, False), ({"weights": "own"}, False), ({"weights": "shared"}, True)):
        facts = dataclasses.replace(manifest.facts, search={**manifest.facts.search, **weights})
        told = card(dataclasses.replace(manifest, facts=facts))
        assert ("| short trainings that compare networks |" in told) is not shared
        assert ("| scores of networks with weights that all of them share, to compare them |" in told) is shared


def test_no_mistake_among_a_few_is_not_called_certain(exported: Any) -> None:
    manifest = read(exported.folder)
    facts = dataclasses.replace(manifest.facts, data={"n_test": 27}, metrics={"test": {"accuracy": 1.0}})
    assert "between 87.5 % and 100 % (95 % interval)" in card(dataclasses.replace(manifest, facts=facts))
    facts = dataclasses.replace(facts, data={"n_test": 81, "n_test_apart": 27})
    told = card(dataclasses.replace(manifest, facts=facts))
    assert (
        "between 87.5 % and 100 % (95 % interval). 27 of them are different; the interval counts copies once." in told
    )


def test_names_from_outside_stay_in_their_cells(exported: Any) -> None:
    text = (exported.folder / CARD).read_text(encoding="utf-8")
    assert "line\\|dash" in text
    hostile = dataclasses.replace(read(exported.folder), facts=Facts(name="a\n# b <script>"))
    assert "# a # b &lt;script>" in card(hostile)


def test_says_what_was_not_recorded(exported: Any) -> None:
    bare = dataclasses.replace(read(exported.folder), facts=Facts(), verification=None)
    text = card(bare)
    assert "Data set: not recorded" in text
    assert "It was not scored on a test split." in text
    assert "Seed: not recorded" in text


def test_speaks_of_regression_targets(years: Any) -> None:
    text = (years.folder / CARD).read_text(encoding="utf-8")
    for fact in (
        "predicts the regression target “year” from colour pictures",
        "explains 70.00 % of the variance (R²). Its root mean squared error is 4.3.",
        "| R² | root mean squared error | mean absolute error |",
        "validation R²",
    ):
        assert fact in text
    assert "mean 2000 and the standard deviation 50" in text
    assert "standard deviations of the training targets" in text and "Root mean squared error on these pictures" in text
    for word in ("classes", "probabilit", "accuracy"):
        assert word not in text


def test_the_temperature_is_shown_when_there_is_one(exported: Any) -> None:
    manifest = read(exported.folder)
    assert "temperature" not in card(manifest).split("## Limits")[0]
    warm = dataclasses.replace(manifest, output=dataclasses.replace(manifest.output, temperature=1.37))
    assert "divided by 1.37 (the temperature, found" in card(warm)


def test_speaks_of_rows_and_their_columns(people: Any) -> None:
    text = (people.folder / CARD).read_text(encoding="utf-8")
    for fact in (
        "sorts rows of a table into 3 classes",
        "It is right on 80.00 % of the test rows.",
        "one row (3 numbers and 2 categories)",
        "input `numbers`: float64 `(n, 3)`",
        "input `categories`: strings `(n, 2)`",
        "| age | number | 17 to 90, median 38 | 10 % |",
        'predictor.predict("rows.csv")',
    ):
        assert fact in text
    for word in ("picture", "image", "pixel"):
        assert word not in text.lower()


def test_the_checks_say_how_many_examples_they_saw(exported: Any, people: Any, houses: Any) -> None:
    def checks(bundle: Any, **changed: Any) -> str:
        manifest = read(bundle.folder)
        figures = {**(manifest.verification or {}), **changed}
        return card(dataclasses.replace(manifest, verification=figures)).partition("## Checks before release")[2]

    assert "on 24 pictures:" in checks(exported)
    assert "`weights.safetensors`, on 2 of them: largest" in checks(exported)
    assert "on 3,000 rows:" in checks(people, n=3000, n_source=256) and "as they came" not in checks(people)
    assert ", on 256 of them:" in checks(people, n=3000, n_source=256)
    assert "on 64 random rows:" in checks(houses) and ", on all of them:" in checks(houses)
    assert ", on some of them:" in checks(houses, n_source=None)  # of an earlier version


def test_no_temperature_is_not_said_to_be_no_look_at_the_probabilities(exported: Any) -> None:
    said = "The probabilities are as trained: no temperature was applied to them."
    manifest = read(exported.folder)
    assert said in card(manifest)
    warm = dataclasses.replace(manifest, output=dataclasses.replace(manifest.output, temperature=1.37))
    assert said not in card(warm)


def test_many_columns_are_cut_short(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.bundle.card.MOST_COLUMNS", 2)
    assert "… and 3 more; all are in `manifest.json`." in card(read(people.folder))


def test_says_where_weights_come_from_that_were_learnt_from_other_data(exported: Any) -> None:
    manifest = read(exported.folder)
    assert "scratch" not in card(manifest) and NOTICE not in card(manifest)
    origin = Origin("a | network", "Apache-2.0", "pictures of birds", "0123abcd")
    text = card(dataclasses.replace(manifest, facts=dataclasses.replace(manifest.facts, origin=origin)))
    for fact in ("did not start from scratch", "a \\| network", "pictures of birds", "Apache-2.0", "0123abcd", NOTICE):
        assert fact in text


@pytest.mark.parametrize("name", ["exported", "years", "people", "houses"])
def test_the_way_without_archsmith_runs_as_it_stands(
    name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    bundle = request.getfixturevalue(name)
    text = card(read(bundle.folder))
    code = text.partition("Without Archsmith")[2].partition("```python\n")[2].partition("```")[0]
    assert "archsmith" not in code
    monkeypatch.chdir(bundle.folder)
    picture = tmp_path / "picture.png"
    Image.new("RGB", (9, 7), "red").save(picture)
    exec(code.replace("picture.png", str(picture)), {})
    assert capsys.readouterr().out.startswith("[[")


def test_the_way_without_archsmith_reads_pictures_as_the_predictor_does(
    exported: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also one that is half transparent and lies on its side."""
    code = card(read(exported.folder)).partition("Without Archsmith")[2].partition("```python\n")[2].partition("```")[0]
    place = tmp_path / "picture.png"
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 28, 4), dtype=np.uint8), "RGBA")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(place, exif=exif)
    monkeypatch.chdir(exported.folder)
    found: dict[str, Any] = {}
    exec(code.replace("picture.png", str(place)) + "\nfound = session.run(None, inputs)[0]", found)
    assert found["inputs"]["image"].shape == (1, 28, 20, 3)
    np.testing.assert_array_equal(found["found"], Predictor(exported.folder).predict_proba([place]))


@pytest.mark.parametrize(
    ("kind", "most", "suffix"),
    [
        ("uint16", 65536, "png"),
        ("int32", 255, "tif"),
        ("int32", 65536, "tif"),
        ("float32", 1, "tif"),
        ("float32", 255, "tif"),
        ("float32", 65536, "tif"),
    ],
)
def test_the_way_without_archsmith_reads_grey_of_more_bits(
    exported: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, most: int, suffix: str
) -> None:
    code = card(read(exported.folder)).partition("Without Archsmith")[2].partition("```python\n")[2].partition("```")[0]
    place = tmp_path / f"picture.{suffix}"
    Image.fromarray((np.random.default_rng(1).random((20, 28)) * most).astype(kind)).save(place)
    monkeypatch.chdir(exported.folder)
    found: dict[str, Any] = {}
    exec(code.replace("picture.png", str(place)) + "\nfound = session.run(None, inputs)[0]", found)
    assert len(np.unique(found["inputs"]["image"])) > 100
    np.testing.assert_array_equal(found["inputs"]["image"][0], decode(place, 3))
    np.testing.assert_array_equal(found["found"], Predictor(exported.folder).predict_proba([place]))


def test_the_page_on_bundles_has_the_same_lines() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "use-a-bundle.md"
    intake = ImageIntake(8, 8, 1, (0.0,), (1.0,))
    assert "\n".join(intake.read_in_python("seven.png")) in page.read_text(encoding="utf-8")
