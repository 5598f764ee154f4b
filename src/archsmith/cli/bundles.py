"""``archsmith predict``, ``archsmith evaluate`` and ``archsmith bundles info``: use a bundle, measure it, look at it.

None needs torch; evaluating needs what reads the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

app = typer.Typer(help="Look at bundles.", no_args_is_help=True)

MOST_ROWS = 40  # classes in a table for people
MOST_NAMED = 10  # examples that could not be read, named one by one

Json = Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")]
Bundle = Annotated[str, typer.Argument(help="Folder of the bundle, as `archsmith fit --out` wrote it.")]


def predict(
    bundle: Bundle,
    files: Annotated[
        list[str],
        typer.Argument(
            help="A CSV or Parquet file for a bundle that takes rows of a table. Otherwise pictures; or folders, zips "
            "and CSV files with a column of paths, whose pictures are taken."
        ),
    ],
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many classes are told, the most probable first.  [default: 1; with --json all]"),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Write the probability of every class into --out.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "--csv", help="Write the predictions to this file: CSV, or by its ending .parquet or .json."
        ),
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="The column of paths in a CSV file, where it is not clear.")
    ] = None,
    json: Json = False,
) -> None:
    """Predict the class of each picture or row, or its regression target.

    One that cannot be read does not stop the others; the exit code is 1 then.
    """
    from archsmith.bundle.predictions import predictions
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, say, to_stderr
    from archsmith.cli.prediction_files import check, write

    predictor = Predictor(bundle)
    _check_options(predictor, top, proba, out)
    path = None if out is None else check(out, files)
    asked = predictor.manifest.intake.asked(files, image_column)
    nouns = predictor.manifest.intake.nouns
    coming = _watched(predictions(predictor, asked), asked.n, nouns, shown=out is not None or json)
    told = top or (None if proba or (json and out is None) else 1)
    n = broken = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal n, broken
        for prediction in coming:
            n += 1
            row = _row(predictor, asked.name(prediction.place), prediction, told)
            if prediction.error is not None:
                broken += 1
                if broken <= MOST_NAMED:
                    to_stderr(prediction.error)
            yield row

    if path is not None:
        write(path, _columns(predictor, told, proba), (_cells(predictor, row, told, proba) for row in rows()))
        if not json:
            say(f"Wrote {n:,} predictions to {out}.")
    if json:
        listed = {"out": out, "n": n, "n_broken": broken} if out is not None else {"predictions": list(rows())}
        emit({"bundle": bundle, "classes": list(predictor.classes), **listed})
    elif out is None:
        for row in rows():
            if "error" not in row:
                say(f"{row.get('file', row.get('row'))}  {_words(row, predictor)}")
    if broken > MOST_NAMED:
        to_stderr(f"{broken - MOST_NAMED:,} more {nouns} could not be read; --out or --json lists them all.")
    raise typer.Exit(1 if broken else 0)


def evaluate(
    bundle: Bundle,
    data: Annotated[str, typer.Argument(help="Labelled data, in any form that `archsmith fit` reads.")],
    split: Annotated[
        str | None, typer.Option(help="train, valid, test or all.  [default: test where there is one, else all]")
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="In a table of pictures: their column, where it is not clear.")
    ] = None,
    target_column: Annotated[
        str | None, typer.Option(help="In a table: the column with the targets, where it is not clear.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a bundle on labelled pictures or rows.

    They go in as they come, exactly as the bundle will be used. Those that cannot be read are left out and listed; the
    exit code is 1 then.
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
    name, chosen = choose_split(labelled, split)
    if name in ("all", "train") and learnt.get("name") == chosen.name:
        to_stderr(
            f"The bundle learnt from some of these {intake.nouns}, so on new ones it does less well than what follows."
        )
    report = measure(predictor, chosen, lambda coming: _watched(coming, len(chosen), intake.nouns, shown=True))
    _name_some([reason for _, reason in report["skipped"]], intake.nouns)
    if json:
        emit({"bundle": bundle, "data": data, "split": name, **report})
    elif predictor.is_regression:
        _show_values(report, name, intake.nouns)
    else:
        _show_classes(report, name, intake.nouns)
    raise typer.Exit(1 if report["skipped"] else 0)


@app.command("info")
def info(
    bundle: Bundle,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that one call may use.  [default: all cores]")
    ] = None,
    json: Json = False,
) -> None:
    """Show what a bundle does, what it takes and gives, how large and how fast it is here.

    All its files are compared with their checksums first.
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
        show(("", ""), _info_rows(report, intake))
        found = intake.table()
        if found is not None:
            show(*found, title="\nWhat it takes")


def describe(predictor: Any) -> dict[str, Any]:
    """What ``info`` says of a bundle, except how fast it is."""
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


def _info_rows(report: dict[str, Any], intake: Any) -> list[tuple[str, str]]:
    from archsmith.core.wording import metric_name, number

    names = ", ".join(report["classes"][:12]) + (", …" if len(report["classes"]) > 12 else "")
    gives = (
        f"the regression target {report['target']!r}"
        if report["target"] is not None
        else f"one of {len(report['classes'])} classes: {names}"
    )
    rows = [("name", report["name"] or "–"), ("predicts", gives)]
    for split, values in report["metrics"].items():
        scores = ", ".join(f"{metric_name(name)} {number(value)}" for name, value in values.items())
        rows.append((f"on {split} {intake.nouns}", scores))
    rows += [
        ("takes", intake.takes),
        ("network", f"{report['params']:,} parameters, {report['macs']:,} multiply-adds for one {intake.noun}"),
        ("files", f"{sum(report['files'].values()) / 1e6:,.2f} MB: {', '.join(report['files'])}"),
        ("checksums", "all as they were written"),
    ]
    if report["temperature"] != 1.0:
        rows.append(("temperature", number(report["temperature"])))
    one, many = report["latency_ms"]["1"], report["latency_ms"]["64"]
    rows += [
        (
            "time here",
            f"{one:.3g} ms for one {intake.noun}; {many:.3g} ms in batches of 64 ({1000 / many:,.0f} {intake.nouns} a "
            f"second), {intake.reading} apart",
        ),
        ("made", f"{report['created']} by Archsmith {report['versions'].get('archsmith', '')}"),
        *((name, report[name]) for name in ("study", "command") if report[name]),
    ]
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


def _row(predictor: Any, name: str, prediction: Any, top: int | None) -> dict[str, Any]:
    """One row of the predictions: class and probabilities, the regression target, or the error."""
    where = {"row": prediction.place + 1} if predictor.manifest.intake.noun == "row" else {"file": name}
    if prediction.values is None:
        return {**where, "error": prediction.error}
    if predictor.is_regression:
        return {**where, "value": float(prediction.values)}
    order = (-prediction.values).argsort(kind="stable")[:top]
    probabilities = {predictor.classes[i]: float(prediction.values[i]) for i in order}
    best = predictor.classes[order[0]]
    return {**where, "class": best, "probability": probabilities[best], "probabilities": probabilities}


def _words(row: dict[str, Any], predictor: Any) -> str:
    from archsmith.core.wording import number

    if predictor.is_regression:
        return f"{row['value']:.6g}"
    return "  ".join(f"{name}  {number(p)}" for name, p in row["probabilities"].items())


def _columns(predictor: Any, top: int | None, proba: bool) -> list[tuple[str, type]]:
    """Name and type of the columns of a file of predictions."""
    first: tuple[str, type] = ("row", int) if predictor.manifest.intake.noun == "row" else ("file", str)
    if predictor.is_regression:
        target = predictor.manifest.output.target
        told: list[tuple[str, type]] = [(f"predicted {target}" if target in (first[0], "error") else target, float)]
    elif proba:
        told = [("class", str), *((f"probability {name}", float) for name in predictor.classes)]
    else:
        places = range(1, min(top or 1, len(predictor.classes)) + 1)
        told = [
            (name if place == 1 else f"{name}_{place}", kind)
            for place in places
            for name, kind in (("class", str), ("probability", float))
        ]
    return [first, *told, ("error", str)]


def _cells(predictor: Any, row: dict[str, Any], top: int | None, proba: bool) -> list[Any]:
    """What stands below these columns."""
    where = row.get("row", row.get("file"))
    if "error" in row:
        return [where, *[None] * (len(_columns(predictor, top, proba)) - 2), row["error"]]
    if predictor.is_regression:
        return [where, row["value"], None]
    probabilities = row["probabilities"]
    if proba:
        return [where, row["class"], *(probabilities[name] for name in predictor.classes), None]
    return [where, *(cell for pair in list(probabilities.items())[: top or 1] for cell in pair), None]


# evaluate


def _show_values(report: dict[str, Any], split: str, nouns: str) -> None:
    from archsmith.cli.output import say
    from archsmith.core.wording import number

    say(
        f"R² {number(report['r2'])}, RMSE {number(report['rmse'])}, MAE {number(report['mae'])} on {report['n']:,} "
        f"{nouns} ({split}): {report['target']}."
    )


def _show_classes(report: dict[str, Any], split: str, nouns: str) -> None:
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name, number

    scores = ", ".join(
        f"{metric_name(name)} {number(report[name])}" for name in ("accuracy", "balanced_accuracy", "log_loss")
    )
    say(f"{scores[0].upper()}{scores[1:]} on {report['n']:,} {nouns} ({split}).", "")
    rows = list(report["classes"].items())
    if len(rows) > MOST_ROWS:
        rows = sorted(rows, key=lambda item: (item[1]["recall"] is None, item[1]["recall"]))[:MOST_ROWS]
        say(f"The {MOST_ROWS} of {len(report['classes'])} classes that are found least (all with --json):")
    show(
        ("class", nouns, "precision", "recall", "F1"),
        [(name, row["n"], row["precision"], row["recall"], row["f1"]) for name, row in rows],
    )
    if report["confused"]:
        say("")
        show(
            ("most often", "is taken for", "times"),
            [(pair["class"], pair["taken_for"], pair["n"]) for pair in report["confused"]],
        )


def _name_some(reasons: list[str], nouns: str) -> None:
    from archsmith.cli.output import to_stderr

    to_stderr(*reasons[:MOST_NAMED])
    if len(reasons) > MOST_NAMED:
        to_stderr(f"{len(reasons) - MOST_NAMED:,} more {nouns} could not be read; --json lists them all.")


def _watched(coming: Iterator[Any], total: int | None, nouns: str, shown: bool) -> Iterator[Any]:
    """The predictions, with a bar on standard error while they come, where a person looks at it."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        return coming
    return iter(track(coming, nouns.capitalize(), total=total, console=console, transient=True))
