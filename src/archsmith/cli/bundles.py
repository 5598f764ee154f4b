"""``archsmith predict`` and ``archsmith evaluate``: use a bundle. Neither needs torch; evaluating needs what reads the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

CHUNK = 64  # pictures between two looks at what came out


def predict(
    bundle: Annotated[str, typer.Argument(help="Folder of the bundle, as `archsmith fit --out` wrote it.")],
    files: Annotated[list[str], typer.Argument(help="Pictures, or folders whose pictures are taken.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """Say which class each picture shows.

    A picture that cannot be read does not stop the others; the exit code is 1 then.
    """
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, number, say, to_stderr

    predictor = Predictor(bundle)
    rows = []
    for row in _predictions(predictor, _pictures(files)):
        rows.append(row)
        if row.get("error"):
            to_stderr(row["error"])
        elif not json:
            say(f"{row['file']}  {row['class']}  {number(row['probability'])}")
    if json:
        emit({"bundle": bundle, "classes": list(predictor.classes), "predictions": rows})
    raise typer.Exit(1 if any(row.get("error") for row in rows) else 0)


def evaluate(
    bundle: Annotated[str, typer.Argument(help="Folder of the bundle.")],
    data: Annotated[str, typer.Argument(help="Labelled data, in any form that `archsmith fit` reads.")],
    split: Annotated[str | None, typer.Option(help="train, valid or test.  [default: test where there is one, else everything]")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """Measure a bundle on labelled pictures.

    They go in at their own size, exactly as the bundle will be used.
    """
    from archsmith.bundle.predictor import Predictor
    from archsmith.cli.output import emit, number, say, show, to_stderr
    from archsmith.data.readers import read

    predictor = Predictor(bundle)
    loaded = read(data)
    name, pictures = _split(loaded, split)
    if name in ("all", "train") and predictor.manifest.facts.data.get("name") == loaded.name:
        to_stderr("The bundle learnt from some of these pictures, so its accuracy on new ones is lower than what follows.")
    report = {"bundle": bundle, "data": data, "split": name, **measure(predictor, pictures)}
    if json:
        emit(report)
        return
    say(f"Accuracy {number(report['accuracy'])}, log loss {number(report['log_loss'])} on {report['n']:,} pictures ({name}).", "")
    show(("class", "pictures", "found"), [(label, row["n"], row["recall"]) for label, row in report["classes"].items()])


def measure(predictor: Any, pictures: Any) -> dict[str, Any]:
    """Accuracy, log loss (nats a picture) and recall by class of a predictor on an ImageSet. Raises DataError for a class that the bundle lacks."""
    import numpy as np

    from archsmith.core.errors import DataError

    column = {name: index for index, name in enumerate(predictor.classes)}
    unknown = [name for name in pictures.classes if name not in column]
    if unknown:
        raise DataError(f"The data have a class {unknown[0]!r} that the bundle does not know.", f"It knows: {', '.join(list(column)[:12])}.")
    truth = np.array([column[name] for name in pictures.classes])[pictures.labels]
    chunks = (range(start, min(start + CHUNK, len(pictures))) for start in range(0, len(pictures), CHUNK))
    rows = np.concatenate([predictor.predict_proba([pictures.original(i) for i in chunk]) for chunk in chunks])
    right = rows.argmax(axis=1) == truth
    loss = -np.log(np.maximum(rows[np.arange(len(truth)), truth].astype(float), 1e-12))
    counts = {name: int((truth == index).sum()) for name, index in column.items()}
    recalls = {name: float(right[truth == index].mean()) if counts[name] else None for name, index in column.items()}
    return {
        "n": len(truth),
        "accuracy": float(right.mean()),
        "log_loss": float(loss.mean()),
        "classes": {name: {"n": counts[name], "recall": recalls[name]} for name in column},
    }


def _split(loaded: Any, wanted: str | None) -> tuple[str, Any]:
    """Name and pictures of the part to measure on."""
    from archsmith.core.errors import UsageError

    parts = loaded.parts
    if wanted is None:
        wanted = "test" if "test" in parts else "train"
    if wanted not in parts:
        raise UsageError(f"The data have no split {wanted!r}.", f"They have: {', '.join(parts)}.")
    return ("all" if list(parts) == ["train"] else wanted), parts[wanted]


def _pictures(names: list[str]) -> Iterator[str]:
    """The files themselves; of folders, every picture below them in the order of their names."""
    from pathlib import Path

    from archsmith.core.errors import UsageError
    from archsmith.data.images import SUFFIXES

    for name in names:
        path = Path(name)
        if path.is_dir():
            found = sorted(str(file) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            if not found:
                raise UsageError(f"The folder {name!r} holds no pictures.", f"Pictures end in {', '.join(sorted(SUFFIXES)[:6])} and the like.")
            yield from found
        else:
            yield name


def _predictions(predictor: Any, files: Iterator[str]) -> Iterator[dict[str, Any]]:
    """One row a file: class and probabilities, or the error that kept it from being read."""
    from itertools import islice

    from archsmith.core.errors import DataError

    while chunk := list(islice(files, CHUNK)):
        try:
            answers = list(predictor.predict_proba(chunk))
        except DataError:  # at least one is broken: one at a time
            answers = [_one(predictor, file) for file in chunk]
        for file, answer in zip(chunk, answers, strict=True):
            if isinstance(answer, str):
                yield {"file": file, "error": answer}
            else:
                best = int(answer.argmax())
                probabilities = {name: float(p) for name, p in zip(predictor.classes, answer, strict=True)}
                yield {"file": file, "class": predictor.classes[best], "probability": float(answer[best]), "probabilities": probabilities}


def _one(predictor: Any, file: str) -> Any:
    from archsmith.core.errors import DataError

    try:
        return predictor.predict_proba(file)[0]
    except DataError as error:
        return str(error)
