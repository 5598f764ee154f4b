"""``archsmith predict``, ``archsmith evaluate``, ``archsmith bundles info`` and ``archsmith bundles web``: use, measure
and inspect a bundle, and make a web page of it.

None of them needs torch. ``evaluate`` needs the packages that read the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

app = typer.Typer(help="Inspect bundles, and make web pages of them.", no_args_is_help=True)

MOST_ROWS = 40  # most classes in a printed table
MOST_NAMED = 10  # most unreadable examples that are named one by one

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]
Bundle = Annotated[str, typer.Argument(help="Folder of the bundle, as `archsmith fit --out` wrote it.")]


def predict(
    bundle: Bundle,
    files: Annotated[
        list[str],
        typer.Argument(
            help="A CSV or Parquet file for a bundle of a table. For a bundle of pictures: pictures, folders, zips, or "
            "CSV files with a column of paths."
        ),
    ],
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Number of classes to show, the most probable first.  [default: 1; with --json all]"),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Write the probability of every class into --out.")] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", "--csv", help="Write the predictions to this file: .csv, .parquet or .json."),
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Column of paths in a CSV file.  [default: found by its name or values]")
    ] = None,
    no_resume: Annotated[
        bool, typer.Option("--no-resume", help="Begin --out anew, even where a run that was stopped could go on.")
    ] = False,
    json: Json = False,
) -> None:
    """Predict the class or the regression target of each picture or row.

    An example that cannot be read does not stop the others; the exit code is then 1. A run with --out that was stopped
    goes on when the same command is given again.
    """
    from archsmith.bundle.prediction_columns import Answers
    from archsmith.bundle.prediction_files import check
    from archsmith.bundle.predictions import for_many
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, say, to_stderr
    from archsmith.core.wording import amount

    predictor, workers = (Predictor(bundle), 1) if out is None else for_many(bundle)
    _refuse_missing(files)
    _check_options(predictor, top, proba, out)
    path = None if out is None else check(out, files)
    asked = predictor.manifest.intake.asked(files, image_column)
    if path is not None:
        answers = Answers(predictor, asked, top, proba)
        options = {"files": files, "image column": image_column, "columns": answers.columns, "ending": path.suffix}
        n, broken = _write(predictor, answers, path, options, workers, resume=not no_resume)
        if json:
            emit({"bundle": bundle, "classes": list(predictor.classes), "out": out, "n": n, "n_broken": broken})
        else:
            failed = f"; {broken:,} could not be read" if broken else ""
            say(f"Wrote {amount(n - broken, 'prediction')} to {out}{failed}.")
    else:
        shown = top or (None if json else 1)
        rows, broken = _rows(predictor, asked, shown, json), 0
        listed = []
        heading = "  ".join(name for name, _ in Answers(predictor, asked, shown, False).columns[:-1])
        for row in rows:
            if "error" in row:
                broken += 1
                if broken <= MOST_NAMED:
                    to_stderr(row["error"])
            if json:
                listed.append(row)
            elif "error" not in row:
                say(*([heading] if heading else []))
                heading = ""
                say(f"{row.get('file', row.get('row'))}  {_words(row, predictor)}")
        if json:
            emit({"bundle": bundle, "classes": list(predictor.classes), "predictions": listed})
    if broken > MOST_NAMED:
        more = amount(broken - MOST_NAMED, f"more {predictor.manifest.intake.noun}")
        to_stderr(f"{more} could not be read; --out or --json lists them all.")
    raise typer.Exit(1 if broken else 0)


def _refuse_missing(files: list[str]) -> None:
    """Raises UsageError where nothing of what was named is there: then there is nothing to predict."""
    import os

    from archsmith.core.errors import UsageError
    from archsmith.core.files import expanded
    from archsmith.core.wording import amount

    if not any(os.path.lexists(expanded(file)) for file in files):
        more = f" (nor the {amount(len(files) - 1, 'other one')})" if len(files) > 1 else ""
        raise UsageError(f"There is no file or folder {files[0]!r}{more}.", "Check the path.")


def evaluate(
    bundle: Bundle,
    data: Annotated[str, typer.Argument(help="Data with targets, in any form that `archsmith fit` reads.")],
    split: Annotated[
        str | None,
        typer.Option(help="Split to use: train, valid, test or all.  [default: test if there is one, else all]"),
    ] = None,
    image_column: Annotated[
        str | None,
        typer.Option(help="In a table of pictures: the column of pictures.  [default: found by its name or values]"),
    ] = None,
    target_column: Annotated[
        str | None,
        typer.Option(
            "--target", "--target-column", help="In a table: the target column.  [default: that of the bundle]"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure a bundle on data with known targets.

    The bundle gets the examples in their original form, as in real use. Examples that cannot be read are left out and
    listed; the exit code is then 1.
    """
    from archsmith.bundle.evaluation import choose_split
    from archsmith.bundle.evaluation import evaluate as measure
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, to_stderr

    predictor = Predictor(bundle)
    manifest = predictor.manifest
    intake, learnt = manifest.intake, manifest.facts.data
    likely = manifest.output.target or learnt.get("target")
    labelled = intake.labelled(data, column=image_column, target=target_column, likely=likely)
    to_stderr(*labelled.notes)
    name, chosen = choose_split(labelled, split)
    if name in ("all", "train") and learnt.get("name") == chosen.name:
        to_stderr(
            "These data have the name of those that the bundle was trained on. If they are the same, it has learnt "
            f"from some of these {intake.nouns}, and its scores on new ones will be lower."
        )
    report = measure(predictor, chosen, lambda coming: _watched(coming, len(chosen), intake.nouns, shown=True))
    named = [reason if place in reason else f"{place}: {reason}" for place, reason in report["skipped"]]
    _name_some(named, intake.noun)
    if json:
        emit({"bundle": bundle, "data": data, "split": name, **report})
    elif predictor.is_regression:
        _show_values(report, name, intake.noun)
    else:
        _show_classes(report, name, intake)
    raise typer.Exit(1 if report["skipped"] else 0)


@app.command("info")
def info(
    bundle: Bundle,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of one prediction.  [default: all cores]")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show all metrics, and the exact terms.")] = False,
    json: Json = False,
) -> None:
    """Show what a bundle predicts, its input, its size, and its speed on this machine.

    First the checksums of the files that predict are verified.
    """
    from archsmith.bundle.latency import latency_ms
    from archsmith.bundle.manifest import check_files
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, show

    check_files(bundle)
    predictor = Predictor(bundle, threads)
    intake = predictor.manifest.intake
    report = {**describe(predictor), "latency_ms": {"1": latency_ms(predictor, 1), "64": latency_ms(predictor, 64)}}
    if json:
        emit({"bundle": bundle, **report})
    else:
        show(("", ""), _info_rows(report, intake, verbose=verbose))
        found = intake.table()
        if found is not None:
            show(*found, title="\nInput columns")


@app.command("web")
def web(
    bundle: Bundle,
    out: Annotated[str, typer.Option("--out", help="Folder for the page. An older page there is replaced.")],
    json: Json = False,
) -> None:
    """Write a web page that predicts in the browser.

    The page is a static folder for any web server. It needs no other files and sends nothing anywhere.
    """
    import shlex

    from archsmith.bundle.web import write_page
    from archsmith.cli.output import emit, say

    folder = write_page(bundle, out)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    n_bytes = sum(path.stat().st_size for path in files)
    if json:
        emit({"bundle": bundle, "folder": str(folder), "files": len(files), "bytes": n_bytes})
    else:
        place = shlex.quote(str(folder))
        say(
            f"Wrote a page of {n_bytes / 1e6:.1f} MB to {folder}.",
            f"Look at it:  python -m http.server --bind 127.0.0.1 --directory {place}  and open http://localhost:8000",
        )


def describe(predictor: Any) -> dict[str, Any]:
    """The facts that ``info`` shows, except the speed."""
    from archsmith.bundle.manifest import FILES, MANIFEST, OPTIONAL_FILES

    manifest = predictor.manifest
    output, facts = manifest.output, manifest.facts
    files = [predictor.folder / name for name in (*FILES, MANIFEST, *OPTIONAL_FILES)]
    return {
        "name": facts.name or facts.data.get("name") or "",
        "kind": output.kind,
        "classes": list(output.classes),
        "target": output.target or None,
        "metric": manifest.task.metric,
        "metrics": {split: dict(values) for split, values in facts.metrics.items()},
        "modality": manifest.intake.kind,
        "inputs": manifest.intake.to_inputs(),
        "temperature": output.temperature,
        "params": manifest.params,
        "macs": manifest.macs,
        "files": {path.name: path.stat().st_size for path in files if path.is_file()},
        "created": manifest.created,
        "versions": dict(manifest.versions),
        "study": facts.study,
        "command": facts.command,
    }


def _info_rows(report: dict[str, Any], intake: Any, *, verbose: bool) -> list[tuple[str, str]]:
    from archsmith.core.wording import amount

    names = ", ".join(report["classes"][:12]) + (", …" if len(report["classes"]) > 12 else "")
    gives = (
        f"the regression target {report['target']!r}, a number"
        if report["target"] is not None
        else f"one of {len(report['classes'])} classes: {names}"
    )
    rows = [("name", report["name"] or "–"), ("predicts", gives), *_scores_in_words(report, intake, verbose=verbose)]
    params, macs = amount(report["params"], "parameter"), amount(report["macs"], "multiplication")
    size = f"{params} (numbers that it learnt), {macs}"
    if verbose:
        size = f"{report['params']:,} parameters, {report['macs']:,} multiply-adds"
    rows += [
        ("takes", intake.takes),
        ("network", f"{size} for one {intake.noun}"),
        ("files", f"{sum(report['files'].values()) / 1e6:,.2f} MB: {', '.join(report['files'])}"),
        ("checksums", "correct: no file that a prediction needs was changed since it was written"),
    ]
    if report["temperature"] != 1.0 and verbose:
        rows.append(("temperature", f"{report['temperature']:.4g}"))
    one, many = report["latency_ms"]["1"], report["latency_ms"]["64"]
    rows += [
        (
            "time here",
            f"{one:.3g} ms for one {intake.noun}; {many:.3g} ms in batches of 64 ({1000 / many:,.0f} {intake.nouns} a "
            f"second), without {intake.reading}",
        ),
        ("made", f"{report['created']} by Archsmith {report['versions'].get('archsmith', '')}"),
        *((name, report[name]) for name in ("study", "command") if report[name]),
    ]
    return rows


def _scores_in_words(report: dict[str, Any], intake: Any, *, verbose: bool) -> list[tuple[str, str]]:
    """Of each split: the main metric and what it means, or all metrics."""
    from archsmith.core.targets import metric_meaning
    from archsmith.core.wording import SPLITS, metric_name, number

    rows = []
    for split, values in report["metrics"].items():
        shown = values if verbose or report["metric"] not in values else {report["metric"]: values[report["metric"]]}
        scores = ", ".join(f"{metric_name(name)} {number(value)}" for name, value in shown.items())
        meaning = f" ({metric_meaning(report['metric'])})" if not verbose and metric_meaning(report["metric"]) else ""
        rows.append((f"on {SPLITS.get(split, split)} {intake.nouns}", scores + meaning))
    return rows


# predict


def _check_options(predictor: Any, top: int | None, proba: bool, out: str | None) -> None:
    from archsmith.core.errors import UsageError

    if predictor.is_regression and (top is not None or proba):
        option = "--top" if top is not None else "--proba"
        raise UsageError(
            f"This bundle predicts a regression target, so there are no classes for {option}.", "Leave it out."
        )
    if proba and (top is not None or out is None):
        raise UsageError("--proba writes the probability of every class into --out.", "Give --out, and no --top.")


def _write(
    predictor: Any, answers: Any, path: Any, options: dict[str, Any], workers: int, *, resume: bool
) -> tuple[int, int]:
    """Write the predictions to ``path``. How many rows there are, and how many of them could not be read."""
    from json import dumps

    from archsmith.bundle.manifest import MANIFEST, checksum
    from archsmith.bundle.prediction_draft import WITHOUT, Draft
    from archsmith.bundle.prediction_files import form_of
    from archsmith.bundle.predictions import batches
    from archsmith.cli.interrupts import Interrupted
    from archsmith.cli.output import to_stderr
    from archsmith.version import VERSION

    asked = answers.asked
    data = asked.fingerprint()
    made_from = {
        "bundle": checksum((predictor.folder / MANIFEST).read_bytes()),
        "data": data or "",
        "options": dumps({**options, "columns": [name for name, _ in answers.columns]}),
        "version": VERSION,
    }
    intake = predictor.manifest.intake
    draft = Draft(path, form_of(path, answers.columns), made_from, resume and data is not None, intake.noun)
    try:
        with draft:
            to_stderr(*([draft.note] if draft.note else []), *draft.reached.reasons)
            named, nouns = len(draft.reached.reasons), intake.nouns
            coming = batches(predictor, asked, draft.reached.n, workers)
            for batch in _watched_batches(coming, asked.n, nouns, draft.reached.n):
                draft.add(answers.block(batch))
                to_stderr(*draft.reached.reasons[named:])
                named = len(draft.reached.reasons)
            draft.finish()
    except KeyboardInterrupt:
        again = f"The same command{'' if resume else WITHOUT} goes on there."
        raise Interrupted(f"Stopped after {draft.reached.n:,} {nouns}.", again) from None
    return draft.reached.n, draft.reached.n_broken


def _rows(predictor: Any, asked: Any, top: int | None, shown: bool) -> Iterator[dict[str, Any]]:
    """One row for each example: class and probabilities, the regression target, or the error."""
    from archsmith.bundle.predictions import predictions

    coming = predictions(predictor, asked)
    for prediction in _watched(coming, asked.n, predictor.manifest.intake.nouns, shown):
        place, values = prediction.place, prediction.values
        where = {"row": place + 1} if predictor.manifest.intake.noun == "row" else {"file": asked.name(place)}
        if values is None:
            yield {**where, "error": prediction.error}
        elif predictor.is_regression:
            yield {**where, "value": float(values)}
        else:
            order = (-values).argsort(kind="stable")[:top]
            probabilities = {predictor.classes[i]: float(values[i]) for i in order}
            best = predictor.classes[order[0]]
            yield {**where, "class": best, "probability": probabilities[best], "probabilities": probabilities}


def _words(row: dict[str, Any], predictor: Any) -> str:
    if predictor.is_regression:
        return f"{row['value']:.6g}"
    return "  ".join(f"{name}  {_probability(p)}" for name, p in row["probabilities"].items())


def _probability(value: float) -> str:
    """Four digits after the point; no network is so sure that it is 1 or 0."""
    text = f"{value:.4f}"
    return {"1.0000": ">0.9999", "0.0000": "<0.0001"}.get(text, text.rstrip("0"))


# evaluate


def _show_values(report: dict[str, Any], split: str, noun: str) -> None:
    from archsmith.cli.output import say
    from archsmith.core.targets import worse_than_the_mean
    from archsmith.core.wording import amount, number

    say(
        f"R² {number(report['r2'])}, RMSE {number(report['rmse'])}, MAE {number(report['mae'])} on "
        f"{amount(report['n'], noun)} ({split}): {report['target']}.",
        *worse_than_the_mean(report["r2"]),
    )


def _show_classes(report: dict[str, Any], split: str, intake: Any) -> None:
    from archsmith.cli.output import say, show
    from archsmith.core.wording import amount, metric_name, number

    scores = ", ".join(
        f"{metric_name(name)} {number(report[name])}" for name in ("accuracy", "balanced_accuracy", "log_loss")
    )
    say(f"{scores[0].upper()}{scores[1:]} on {amount(report['n'], intake.noun)} ({split}).", "")
    rows = list(report["classes"].items())
    if len(rows) > MOST_ROWS:
        rows = sorted(rows, key=lambda item: (item[1]["recall"] is None, item[1]["recall"]))[:MOST_ROWS]
        say(f"The {MOST_ROWS} of {len(report['classes'])} classes with the lowest recall (--json shows all):")
    show(
        ("class", intake.nouns, "precision", "recall", "F1"),
        [(name, row["n"], row["precision"], row["recall"], row["f1"]) for name, row in rows],
    )
    if report["confused"]:
        n, most = report["n_confused"], len(report["confused"])
        say("", *([f"The {most} of {n} confusions that happened most often:"] if n > most else []))
        show(
            ("class", "predicted as", "times"),
            [(pair["class"], pair["taken_for"], pair["n"]) for pair in report["confused"]],
        )


def _name_some(reasons: list[str], noun: str) -> None:
    from archsmith.cli.output import to_stderr
    from archsmith.core.wording import amount

    to_stderr(*reasons[:MOST_NAMED])
    if len(reasons) > MOST_NAMED:
        n = len(reasons) - MOST_NAMED
        to_stderr(f"{amount(n, f'more {noun}')} {'was' if n == 1 else 'were'} left out; --json lists them all.")


def _watched(coming: Iterator[Any], total: int | None, nouns: str, shown: bool) -> Iterator[Any]:
    """The predictions, with a progress bar on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True, emoji=False)
    if not shown or not console.is_terminal:
        return coming
    return iter(track(coming, nouns.capitalize(), total=total, console=console, transient=True))


def _watched_batches(coming: Iterator[Any], total: int | None, nouns: str, reached: int) -> Iterator[Any]:
    """The same for batches. ``reached``: examples that an earlier run has predicted."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, emoji=False)
    if not console.is_terminal:
        yield from coming
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(nouns.capitalize(), total=total, completed=reached)
        for batch in coming:
            yield batch
            progress.advance(task, len(batch))
