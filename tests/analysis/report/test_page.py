from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report import write_report
from archsmith.analysis.report.page import render
from archsmith.analysis.report.section import Section
from archsmith.analysis.report.sections import sections_for
from archsmith.analysis.study import read_study
from archsmith.core.errors import MissingExtraError, StudyError, UsageError

MOST_BYTES = 3_000_000
CELLS = [{"node3/from1": "skip_connect", "node3/from2": "none"}, {"node3/from1": "none", "node3/from2": "avg_pool_3x3"}]
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """What a test asks of a page: its text, ids, links, and whether every tag is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        self.text = " ".join(" ".join(self.words).replace("\xa0", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags[tag] += 1
        if tag not in VOID:
            self._open.append(tag)
        if values.get("id"):
            self.ids[str(values["id"])] += 1
        self.addresses += [
            str(values[name]) for name in ("src", "href", "action", "srcset", "data", "poster") if values.get(name)
        ]
        if tag == "img":
            self.pictures.append(values)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.words.append(data)


def page(study: Path) -> Page:
    target = write_report(study, study / "report.html")
    assert target.stat().st_size < MOST_BYTES
    made = Page(target.read_text(encoding="utf-8"))
    assert "could not be made" not in made.text
    return made


def raw(study: Path) -> str:
    return write_report(study, study / "report.html").read_text(encoding="utf-8")


# The whole page


def test_a_finished_study_gets_every_section(make: Any) -> None:
    shown = page(make())
    for part in (
        "data",
        "pictures",
        "baselines",
        "confusions",
        "calibration",
        "mistakes",
        "search",
        "sizes",
        "network",
        "final-training",
        "time",
        "reproduce",
        "words",
    ):
        assert shown.ids[part] == 1, part


def test_the_answer_comes_first(make: Any) -> None:
    shown = page(make(right=1.0, n=120))
    assert re.search(
        r"Right on 100 % of 120 test pictures For pictures like these the true rate lies between 96\.9 % and 100 %",
        shown.text,
    )


def test_networks_that_saw_a_part_of_the_data_are_not_said_to_have_seen_all(make: Any) -> None:
    text = page(make()).text
    assert "the same training pictures, though some may not have seen all of them." in text


def test_ids_are_there_once_and_links_lead_to_them(make: Any) -> None:
    shown = page(make())
    assert {name for name, n in shown.ids.items() if n > 1} == set()
    assert [address for address in shown.addresses if address.startswith("#") and shown.ids[address[1:]] != 1] == []


def test_nothing_is_asked_of_anybody(make: Any) -> None:
    study = make()
    assert [address for address in page(study).addresses if not address.startswith(("#", "data:"))] == []
    text = raw(study)
    assert "<script" not in text and "@import" not in text and re.search(r"url\((?!#)", text) is None
    assert re.findall(r"https?://[^\"' <]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert "default-src 'none'" in text


def test_headings_go_down_one_step_at_a_time_and_pictures_are_described(make: Any) -> None:
    shown = page(make())
    assert shown.headings[0] == 1 and all(b <= a + 1 for a, b in zip(shown.headings, shown.headings[1:], strict=False))
    assert shown.pictures and all(picture.get("alt") for picture in shown.pictures)


def test_names_from_outside_do_nothing(make: Any) -> None:
    bad = "<script>alert(1)</script>"
    classes = (bad, '"onmouseover="alert(1)', "</style><b>", "'; \\ & < >")
    checks = {"name": bad, "warnings": [bad], "notes": [bad], "skipped": [[bad, bad]]}
    shown = page(make(classes=classes, checks=checks))
    assert shown.tags["script"] == 0 and shown.tags["style"] == 1 and shown.tags["b"] == 0
    assert bad in shown.text


def test_names_may_be_long_strange_and_many(make: Any) -> None:
    classes = ("x" * 500, "日本語クラス", "مرحبا", "zero\u0000and\u0007bell", *(f"class {i}" for i in range(120)))
    shown = page(make(classes=classes, n=992, right=0.5))
    assert "124 classes" in shown.text and "too many for a table of all pairs" in shown.text
    assert "日本語クラス" in shown.text


def test_ten_thousand_trials_are_thinned_out(make: Any) -> None:
    shown = page(make(n_trials=10_000))
    assert "tried in 10,000 trials" in shown.text.replace("\xa0", " ") and "trials are not drawn" in shown.text
    assert shown.tags["circle"] < 6000


# Sections


def test_a_section_that_fails_is_left_out_and_named(make: Any) -> None:
    def broken(_: Any) -> Any:
        raise ValueError("no such column.")

    sections = (Section("broken", "The broken one", broken), *sections_for("image"))
    shown = Page(render(read_study(make()), sections))
    assert not shown.ids["broken"] and shown.ids["data"] and "#broken" not in shown.addresses
    assert "The section “The broken one” could not be made: no such column." in shown.text


def test_a_section_whose_template_fails_is_left_out_too(make: Any) -> None:
    shown = Page(render(read_study(make()), (Section("data", "Odd facts", lambda _: object()),)))
    assert not shown.ids["data"] and "The section “Odd facts” could not be made" in shown.text


def test_the_glossary_explains_only_what_the_page_says(make: Any) -> None:
    study = read_study(make())
    assert "calibration" in Page(render(study)).words
    assert "calibration" not in Page(render(study, ())).words


def test_rows_of_a_table_are_never_called_pictures(make: Any, tables: Any) -> None:
    for classes, metric in ((("no", "yes"), "accuracy"), ((), "r2")):
        shown = page(make(classes=classes, metric=metric, n=90, data=tables(classes, 90), kind="table"))
        assert "picture" not in shown.text.lower() and "test rows" in shown.text
        assert shown.ids["columns"] == 1 and shown.ids["pictures"] == 0


def test_an_unknown_kind_of_data_has_examples(make: Any) -> None:
    shown = page(make(kind="sound"))
    assert "test examples" in shown.text and "picture" not in shown.text and not shown.ids["pictures"]
    assert shown.ids["mistakes"] == 1


# Studies that lack something


def test_an_unfinished_study_says_how_far_it_is(make: Any) -> None:
    shown = page(make(finished=False))
    assert "Not finished: the job was cut off" in shown.text and "There is no test score yet" in shown.text
    assert not shown.ids["confusions"]


def test_a_study_before_its_first_trial(make: Any) -> None:
    shown = page(make(finished=False, n_trials=0))
    assert "No trial has begun" in shown.text and not shown.ids["search"]


def test_a_single_trial_is_enough(make: Any) -> None:
    shown = page(make(n_trials=1))
    assert "1 network was tried" in shown.text and not shown.ids["sizes"]


def test_trials_that_all_failed(make: Any) -> None:
    shown = page(make(n_trials=3, failed=(0, 1, 2), scores=(0.6, 0.7, None), exported="fixed"))
    assert "3 trials failed (not enough memory). None of them ended with a score." in shown.text
    assert "The searched network could not be trained in full (Out of memory)" in shown.text


def test_data_that_were_deleted_cost_only_the_pictures(make: Any) -> None:
    study = make()
    import archsmith.analysis.study as reading

    def gone(_: str) -> Any:
        from archsmith.core.errors import DataError

        raise DataError("There are no stored data.")

    reading.opened = gone  # type: ignore[assignment]  # the fixture puts it back
    shown = page(study)
    assert "stored data of this study are not there any more" in shown.text
    assert (
        shown.ids["mistakes"] and shown.ids["confusions"] and shown.pictures == [] and "picture not there" in shown.text
    )


def test_without_predictions_the_scores_of_the_log_remain(make: Any) -> None:
    shown = page(make(predictions=False, n=200))
    assert "Right on 80 % of 200 test pictures" in shown.text and not shown.ids["confusions"]


def test_damaged_files_are_named(make: Any) -> None:
    study = make()
    (study / "final" / "predictions.npz").write_bytes(b"PK\x03\x04 no zip")
    (study / "final" / "graph.json").write_text('{"nodes": 3}', encoding="utf-8")
    shown = page(study)
    assert "predictions.npz is damaged" in shown.text and "could not be rebuilt here" in shown.text


def test_pickled_arrays_are_refused(make: Any) -> None:
    study = make()
    np.savez(study / "final" / "predictions.npz", test=np.array([{"a": 1}], dtype=object), test_labels=np.array([0]))
    assert "predictions.npz is damaged" in page(study).text


def test_unlabelled_test_pictures_are_left_out(make: Any) -> None:
    study = make(n=120, right=1.0)
    with np.load(study / "final" / "predictions.npz") as file:
        arrays = dict(file)
    arrays["test_labels"][:20] = -1
    np.savez(study / "final" / "predictions.npz", **arrays)
    assert "Right on 100 % of 100 test pictures" in page(study).text
    arrays["test_labels"][:] = -1
    np.savez(study / "final" / "predictions.npz", **arrays)
    assert "The test split has no labels" in page(study).text


def test_a_regression_gets_its_own_sections(make: Any) -> None:
    shown = page(make(classes=(), metric="r2", n=400))
    assert re.search(r"Off by 2\.\d+ on average on 400 test pictures", shown.text)
    assert (
        shown.ids["errors"] and shown.ids["mistakes"] and not shown.ids["confusions"] and not shown.ids["calibration"]
    )


def test_a_search_without_data(tmp_path: Path) -> None:
    from archsmith.core.budget import Budget
    from archsmith.core.problem import Objective, Problem
    from archsmith.evaluators.functions import FunctionEvaluator
    from archsmith.runtime.search import Search
    from archsmith.runtime.sqlite import SqliteStore
    from archsmith.strategies.random import RandomSearch
    from archsmith.testing.toys import Flat

    problem = Problem(Flat(), (Objective("loss", maximize=False),))
    evaluator = FunctionEvaluator(lambda architecture: {"loss": float(len(str(architecture)))}, metrics=("loss",))
    Search(problem, RandomSearch(), evaluator, budget=Budget(trials=30), store=SqliteStore(tmp_path / "toy")).run()
    shown = page(tmp_path / "toy")
    assert "Best loss of 30 trials" in shown.text and "without a final training and a test behind it" in shown.text
    assert not shown.ids["data"] and shown.ids["search"]


def test_what_strategies_noted_is_shown_where_it_was_noted(searched: Any, make: Any) -> None:
    notes = [
        {"top_prob/width": 0.5 + i / 50, "entropy": 0.5, "mean": i / 20 - 0.5, "deviation": 0.1} for i in range(20)
    ]
    shown = page(searched([(0.5 + (i * 7 % 20) / 100, note) for i, note in enumerate(notes)]))
    assert shown.ids["policy"] == shown.ids["surrogate"] == 1
    assert "1 width 88 %" in shown.text and "exactly as expected" in shown.text and "rank correlation" in shown.text
    assert all(b <= a + 1 for a, b in zip(shown.headings, shown.headings[1:], strict=False))
    plain = page(make())
    assert not plain.ids["policy"] and not plain.ids["surrogate"] and "rank correlation" not in plain.text


def test_shared_weights_get_a_section_before_the_search(prepared: Any, make: Any) -> None:
    cells = [
        {"node1/from0": "nor_conv_3x3", "node2/from0": "none", "node2/from1": "none", "node3/from0": "none"} | rest
        for rest in CELLS
    ]
    said = {"reward": 0.3, "baseline": 0.2, "entropy": 1.2}
    reports = [
        (1.0, {"train_loss": 2.0}),
        (2.0, {"train_loss": 1.0, **said}),
        (3.0, {"train_loss": 0.5, **said, "entropy": 1.1}),
    ]
    notes = {
        "epochs": 3.0,
        "seconds": 30.0,
        "keys": 9,
        "params": 34_500,
        "derived": [{"architecture": cell, "score": 0.5} for cell in cells],
    }
    tried = [
        (cell, {"accuracy": 0.6 + i / 10, "params": 100.0}, {"operator": "derived", "rank": i})
        for i, cell in enumerate(cells)
    ]
    text = raw(prepared(reports, notes, tried))
    shown = Page(text)
    assert shown.ids["shared-weights"] == shown.ids["derived"] == 1 and text.index('id="shared-weights"') < text.index(
        'id="search"'
    )
    assert "They are not the scores of trained networks" in shown.text and "50 % 70 % 1" in shown.text
    assert "(number 2) is below" in shown.text and "#network" in shown.addresses and shown.ids["tip-network"] == 1
    assert {name for name, n in shown.ids.items() if n > 1} == set()
    assert all(b <= a + 1 for a, b in zip(shown.headings, shown.headings[1:], strict=False))
    untried = page(prepared(reports, notes))
    assert (
        "The best derived network (number 1)" in untried.text
        and untried.ids["tip-favourite"] == 1
        and "as a trial" not in untried.text
    )
    plain = page(make())
    assert not plain.ids["shared-weights"] and "shared weights" not in plain.text


def test_a_look_with_shared_weights_is_not_called_a_training(make: Any) -> None:
    looked, trained = page(make(evaluator="shared_weights")).text, page(make()).text
    assert "A trial scores a network with the shared weights" in looked and "trains a network briefly" not in looked
    assert "One network scored with the shared weights" in looked and "A short training of one network" not in looked
    assert "A trial trains a network briefly" in trained and "A short training of one network" in trained
    assert (
        "with shared weights, which only rank networks" in page(make(evaluator="shared_weights", finished=False)).text
    )


def test_a_preparation_that_was_cut_off_shows_what_there_is(prepared: Any) -> None:
    shown = page(prepared([(1.0, {"train_loss": 2.0, "epochs": 5.0}), (2.0, {"train_loss": 1.0, "epochs": 5.0})]))
    assert "2 of 5 epochs" in shown.text and "No network has a score yet" in shown.text
    assert shown.ids["shared-weights"] and not shown.ids["derived"] and not shown.ids["search"]


def test_what_inheritance_saved_is_told_where_trials_inherited(prepared: Any) -> None:
    rows = [({"depth": 0}, {"accuracy": 0.5}, {}), ({"depth": 1}, {"accuracy": 0.6}, {})]
    training = {"type": "training", "args": {}}
    folder = prepared(
        [], {}, rows, evaluator=training, outcomes={"inherited": 0.75, "epochs": 0.5, "steps": 10, "step_ms": 200.0}
    )
    text = page(folder).text
    assert (
        "2 of 2 trials began with weights of an earlier one, on average with 75 % of their parameters. They trained "
        "for 50 % of the epochs" in text
    )
    assert text.index("began with weights") > text.index("How the search went")
    assert "began with weights" not in page(prepared([], {}, rows, evaluator=training)).text


def test_names_of_decisions_do_nothing(searched: Any) -> None:
    bad = "</code><script>alert(1)</script>"
    shown = page(searched([(0.5, {f"top_prob/{bad}": 0.5}) for _ in range(9)]))
    assert shown.tags["script"] == 0 and bad in shown.text


def test_a_search_says_how_to_repeat_it(searched: Any) -> None:
    shown = page(
        searched([(0.5, {}) for _ in range(3)], began={"command": "archsmith search --bench digits --seed 3"}, beta=2.0)
    )
    assert "The command again: archsmith search --bench digits --seed 3" in shown.text
    assert "mine(beta=2.0)" in shown.text and "accuracy, higher is better; parameters ≤ 10" in shown.text


# The file


def test_no_study_no_report(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="There is no study"):
        write_report(tmp_path / "nothing", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_target_is_replaced_whole_and_no_draft_stays(make: Any, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "report.html"
    study = make()
    write_report(study, target)
    target.write_text("old", encoding="utf-8")
    write_report(study, target)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert os.listdir(target.parent) == ["report.html"]


def test_a_folder_is_no_target(make: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_report(make(), tmp_path)


def test_a_place_that_cannot_be_written_is_named(make: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(make(), tmp_path / "file" / "report.html")


def test_without_jinja2_it_says_what_to_install(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    study = make()
    with pytest.raises(MissingExtraError, match="archsmith\\[train\\]"):
        write_report(study, study / "report.html")


def test_every_section_has_its_template_in_the_package() -> None:
    from importlib.resources import files

    templates = files("archsmith.analysis").joinpath("templates")
    assert templates.joinpath("page.css").is_file()
    for section in {section for kind in ("image", "table", "") for section in sections_for(kind)}:
        assert templates.joinpath(section.file).is_file(), section.name


@pytest.mark.slow
def test_nothing_is_cut_from_a_printed_report(
    make: Any, tables: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needs chromium and the package playwright (extra ``e2e``)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    names = tuple(f"a_long_name_of_class_{i}" for i in range(30))
    study = read_study(make(classes=names, n=900, data=tables(names, 900), kind="table"))
    row = {f"a_column_with_a_long_name_{i}": 1234.56789 * (i + 1) for i in range(12)}
    assert study.splits is not None
    monkeypatch.setattr(type(study.splits.test), "rows", lambda self, indexes: [row for _ in indexes])
    (tmp_path / "report.html").write_text(render(study), encoding="utf-8")
    with playwright.sync_playwright() as running:
        page = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
        page.set_viewport_size({"width": 718, "height": 1000})  # A4 with margins of a centimetre
        page.emulate_media(media="print")
        page.goto((tmp_path / "report.html").as_uri())
        assert page.locator("table.cells").count() and page.locator("table.confusion").count()
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
