"""``archsmith predict``, ``archsmith evaluate`` and ``archsmith bundles info``: use a bundle, measure it, look at it.

None needs torch; evaluating needs what reads the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

app = typer.Typer(help="Look at bundles.", no_args_is_help=True)

MOST_ROWS = 40  # classes in a table for people
MOST_NAMED = 10  # pictures that could not be read, named one by one

Json = Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")]
Bundle = Annotated[str, typer.Argument(help="Folder of the bundle, as `archsmith fit --out` wrote it.")]


def predict(
    bundle: Bundle,
    files: Annotated[
        list[str],
        typer.Argument(
            help="Pictures; or folders, zips and CSV files with a column of paths, whose pictures are taken."
        ),
    ],
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many classes are told, the most probable first.  [default: 1; with --json all]"),
    ] = None,
    csv: Annotated[str | None, typer.Option("--csv", help="Write the answers to this CSV file.")] = None,
    image_column: Annotated[
        str | None, typer.Option(help="The column of paths in a CSV file, where it is not clear.")
    ] = None,
    json: Json = False,
) -> None:
    """Say which class each picture shows, or the number that belongs to it.

    A picture that cannot be read does not stop the others; the exit code is 1 then.
    """
    from archsmith.bundle.answers import answers
    from archsmith.bundle.inputs import pictures
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, say, to_stderr
    from archsmith.core.errors import UsageError

    predictor = Predictor(bundle)
    if predictor.numeric and top is not None:
        raise UsageError("This bundle predicts a number, so there are no classes for --top.", "Leave it out.")
    asked = pictures(files, image_column)
    coming = _watched(answers(predictor, asked, range(len(asked))), len(asked), shown=csv is not None or json)
    told = top or (None if json and csv is None else 1)
    broken = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal broken
        for answer in coming:
            row = _row(predictor, asked.name(answer.index), answer, told)
            if answer.error is not None:
                broken += 1
                to_stderr(answer.error)
            yield row

    if csv is not None:
        n = _write_csv(csv, files, predictor, rows(), told or 1)
        if not json:
            say(f"Wrote {n:,} answers to {csv}.")
    if json:
        listed = {"csv": csv, "n": n, "n_broken": broken} if csv is not None else {"predictions": list(rows())}
        emit({"bundle": bundle, "classes": list(predictor.classes), **listed})
    elif csv is None:
        for row in rows():
            if "error" not in row:
                say(f"{row['file']}  {_words(row, predictor)}")
    raise typer.Exit(1 if broken else 0)


def evaluate(
    bundle: Bundle,
    data: Annotated[str, typer.Argument(help="Labelled data, in any form that `archsmith fit` reads.")],
    split: Annotated[
        str | None, typer.Option(help="train, valid, test or all.  [default: test where there is one, else all]")
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="In a table: the column with the pictures, where it is not clear.")
    ] = None,
    target_column: Annotated[
        str | None, typer.Option(help="In a table: the column with the labels, where it is not clear.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a bundle on labelled pictures.

    They go in at their own size, exactly as the bundle will be used. Pictures that cannot be read are left out and
    listed; the exit code is 1 then.
    """
    from archsmith.bundle.evaluation import choose_part
    from archsmith.bundle.evaluation import evaluate as measure
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, to_stderr
    from archsmith.data.images.read import read

    predictor = Predictor(bundle)
    source = read(data, image=image_column, target=target_column)
    part, indexes = choose_part(source, split)
    if part in ("all", "train") and predictor.manifest.facts.data.get("name") == source.name:
        to_stderr("The bundle learnt from some of these pictures, so on new ones it does less well than what follows.")
    report = measure(predictor, source, indexes, lambda coming: _watched(coming, len(indexes), shown=True))
    _name_some([reason for _, reason in report["skipped"]])
    if json:
        emit({"bundle": bundle, "data": data, "split": part, **report})
    elif predictor.numeric:
        _show_numbers(report, part)
    else:
        _show_classes(report, part)
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
    report = {**describe(predictor), "latency_ms": {"1": latency_ms(predictor, 1), "64": latency_ms(predictor, 64)}}
    if json:
        emit({"bundle": bundle, **report})
    else:
        show(("", ""), _info_rows(report))


def describe(predictor: Any) -> dict[str, Any]:
    """What ``info`` says of a bundle, except how fast it is."""
    from archsmith.bundle.manifest import FILES, MANIFEST, OPTIONAL_FILES

    manifest = predictor.manifest
    output, settings, facts = manifest.task.outputs[0], manifest.preprocessing, manifest.facts
    files = [predictor.folder / name for name in (*FILES, MANIFEST, *OPTIONAL_FILES)]
    return {
        "name": facts.name or facts.data.get("name") or "",
        "kind": output.kind,
        "classes": list(manifest.classes),
        "target": output.name if manifest.numeric else None,
        "metric": manifest.task.metric,
        "metrics": {split: dict(values) for split, values in facts.metrics.items()},
        "input_shape": list(settings.shape),
        "temperature": settings.temperature,
        "params": manifest.params,
        "macs": manifest.macs,
        "files": {path.name: path.stat().st_size for path in files if path.is_file()},
        "created": manifest.created,
        "versions": dict(manifest.versions),
        "study": facts.study,
        "command": facts.command,
    }


def _info_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    from archsmith.core.wording import metric_name, number

    channels, height, width = report["input_shape"]
    names = ", ".join(report["classes"][:12]) + (", …" if len(report["classes"]) > 12 else "")
    gives = (
        f"the number {report['target']!r}"
        if report["target"] is not None
        else f"one of {len(report['classes'])} classes: {names}"
    )
    rows = [("name", report["name"] or "–"), ("tells", gives)]
    for split, values in report["metrics"].items():
        rows.append(
            (f"on {split} images", ", ".join(f"{metric_name(name)} {number(value)}" for name, value in values.items()))
        )
    rows += [
        ("takes", f"{'grey' if channels == 1 else 'colour'} pictures of any size, brought to {height}×{width} inside"),
        ("network", f"{report['params']:,} parameters, {report['macs']:,} multiply-adds a picture"),
        ("files", f"{sum(report['files'].values()) / 1e6:,.2f} MB: {', '.join(report['files'])}"),
        ("checksums", "all as they were written"),
    ]
    if report["temperature"] != 1.0:
        rows.append(("temperature", number(report["temperature"])))
    one, many = report["latency_ms"]["1"], report["latency_ms"]["64"]
    rows += [
        (
            "time here",
            f"{one:.3g} ms a picture; {many:.3g} ms in batches of 64 ({1000 / many:,.0f} pictures a second), decoding "
            "apart",
        ),
        ("made", f"{report['created']} by Archsmith {report['versions'].get('archsmith', '')}"),
        *((name, report[name]) for name in ("study", "command") if report[name]),
    ]
    return rows


# predict


def _row(predictor: Any, file: str, answer: Any, top: int | None) -> dict[str, Any]:
    """One row of the answers: class and probabilities, the number, or the error."""
    if answer.values is None:
        return {"file": file, "error": answer.error}
    if predictor.numeric:
        return {"file": file, "value": float(answer.values)}
    order = (-answer.values).argsort(kind="stable")[:top]
    probabilities = {predictor.classes[i]: float(answer.values[i]) for i in order}
    best = predictor.classes[order[0]]
    return {"file": file, "class": best, "probability": probabilities[best], "probabilities": probabilities}


def _words(row: dict[str, Any], predictor: Any) -> str:
    from archsmith.core.wording import number

    if predictor.numeric:
        return f"{row['value']:.6g}"
    return "  ".join(f"{name}  {number(p)}" for name, p in row["probabilities"].items())


def _write_csv(name: str, files: list[str], predictor: Any, rows: Iterable[dict[str, Any]], top: int) -> int:
    """The answers as a table, a line a picture, put in place when it is whole; how many there were."""
    import csv
    from pathlib import Path

    from archsmith.core.errors import UsageError

    path = Path(name).expanduser()
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"The answers cannot be written to {name!r}.", "Give a file in a folder that exists.")
    if any(path.resolve() == Path(file).expanduser().resolve() for file in files):
        raise UsageError(f"The answers would take the place of {name!r}, which is read.", "Give --csv another name.")
    top = min(top, len(predictor.classes))
    columns = [predictor.manifest.task.outputs[0].name] if predictor.numeric else _columns(top)
    draft = path.with_name(f".{path.name}.part")
    n = 0
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["file", *columns, "error"])
            for row in rows:
                n += 1
                if "error" in row:
                    values: list[Any] = [""] * len(columns)
                elif predictor.numeric:
                    values = [f"{row['value']:.7g}"]
                else:
                    values = [
                        value for name, p in list(row["probabilities"].items())[:top] for value in (name, f"{p:.6f}")
                    ]
                table.writerow([row["file"], *values, row.get("error", "")])
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return n


def _columns(top: int) -> list[str]:
    return [
        "class",
        "probability",
        *(f"{name}_{place}" for place in range(2, top + 1) for name in ("class", "probability")),
    ]


# evaluate


def _show_numbers(report: dict[str, Any], part: str) -> None:
    from archsmith.cli.output import say
    from archsmith.core.wording import number

    say(
        f"R² {number(report['r2'])}, RMSE {number(report['rmse'])}, MAE {number(report['mae'])} on {report['n']:,} "
        f"pictures ({part}): {report['target']}."
    )


def _show_classes(report: dict[str, Any], part: str) -> None:
    from archsmith.cli.output import say, show
    from archsmith.core.wording import metric_name, number

    scores = ", ".join(
        f"{metric_name(name)} {number(report[name])}" for name in ("accuracy", "balanced_accuracy", "log_loss")
    )
    say(f"{scores[0].upper()}{scores[1:]} on {report['n']:,} pictures ({part}).", "")
    rows = list(report["classes"].items())
    if len(rows) > MOST_ROWS:
        rows = sorted(rows, key=lambda item: (item[1]["recall"] is None, item[1]["recall"]))[:MOST_ROWS]
        say(f"The {MOST_ROWS} of {len(report['classes'])} classes that are found least (all with --json):")
    show(
        ("class", "pictures", "precision", "recall", "F1"),
        [(name, row["n"], row["precision"], row["recall"], row["f1"]) for name, row in rows],
    )
    if report["confused"]:
        say("")
        show(
            ("most often", "is taken for", "times"),
            [(pair["class"], pair["taken_for"], pair["n"]) for pair in report["confused"]],
        )


def _name_some(reasons: list[str]) -> None:
    from archsmith.cli.output import to_stderr

    to_stderr(*reasons[:MOST_NAMED])
    if len(reasons) > MOST_NAMED:
        to_stderr(f"{len(reasons) - MOST_NAMED:,} more pictures could not be read; --json lists them all.")


def _watched(coming: Iterator[Any], total: int, shown: bool) -> Iterator[Any]:
    """The answers, with a bar on standard error while they come, where a person looks at it."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        return coming
    return iter(track(coming, "Pictures", total=total, console=console, transient=True))
