"""The model card: what the network is, what it was learnt from, how good it is and where it ends, in words a colleague
can read.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019, arXiv 1810.03993), in short. Every figure
comes from the run; what the run did not record is said to be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archsmith.bundle.manifest import Facts, Manifest, Row

MAX_CLASSES = 40  # rows of the table of classes


def card(manifest: Manifest) -> str:
    """``MODEL_CARD.md`` as text."""
    facts = manifest.facts
    title = _cell(
        facts.name or facts.data.get("name") or ("Image regressor" if manifest.numeric else "Image classifier")
    )
    parts = [
        f"# {title}",
        _summary(manifest),
        "## Data",
        _data(manifest),
        "## How it was found",
        _search(facts),
        "## Scores",
        _scores(manifest),
        "## What goes in and what comes out",
        _interface(manifest),
        "## Use",
        _use(manifest),
        "## Limits",
        _limits(manifest),
        "## Checks before release",
        _verification(manifest),
        "## How to reproduce",
        _reproduce(manifest),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _summary(manifest: Manifest) -> str:
    channels, height, width = manifest.preprocessing.shape
    row = next((row.name for row in manifest.facts.rows if row.exported), None)
    which = f" It is the row “{_cell(row)}” of the scores below." if row else ""
    if manifest.numeric:
        purpose = f"tells a number, “{_cell(manifest.task.outputs[0].name)}”, from {_kind(channels)} images"
    else:
        purpose = f"sorts {_kind(channels)} images into {len(manifest.classes)} classes"
    return (
        f"A convolutional network that {purpose}. {_in_a_sentence(manifest)} It has {manifest.params:,} parameters "
        f"and takes {manifest.macs:,} "
        f"multiply-adds for one image ({channels}×{height}×{width}).{which} "
        f"It was chosen and trained by Archsmith {manifest.versions.get('archsmith', '')}."
    )


def _in_a_sentence(manifest: Manifest) -> str:
    """How good it is on the test split."""
    test = manifest.facts.metrics.get("test", {})
    if manifest.numeric and test.get("r2") is not None:
        error = f" Its typical error (RMSE) is {_score('rmse', test['rmse'])}." if test.get("rmse") is not None else ""
        if test["r2"] <= 0:
            return f"On the test images it is no better than always saying the mean (R² {test['r2']:.4f}).{error}"
        return f"On the test images it explains {_percent(test['r2'])} of the variance (R²).{error}"
    if not manifest.numeric and test.get("accuracy") is not None:
        return f"It is right on {_percent(test['accuracy'])} of the test images."
    return "It was not scored on a test split."


def _data(manifest: Manifest) -> str:
    data = manifest.facts.data
    sizes = [f"{data[key]:,} for {purpose}" for key, purpose in SPLITS if data.get(key) is not None]
    count = f"Images: {', '.join(sizes)}." if sizes else "The number of images was not recorded."
    lines = [f"Data set: {_cell(data.get('name') or 'not recorded')}. {count}"]
    lines += [f"- {_cell(note)}" for note in data.get("notes", ())]
    counts = data.get("class_counts") or {}
    shown = manifest.classes[:MAX_CLASSES]
    if manifest.numeric:
        settings = manifest.preprocessing
        lines += [
            "",
            f"The training numbers have the mean {_number(settings.target_mean)} and the standard deviation "
            f"{_number(settings.target_std)}.",
        ]
    elif counts:
        lines += ["", _table(("class", "training images"), ((name, _number(counts.get(name))) for name in shown))]
    else:
        lines += ["", "Classes: " + ", ".join(_cell(name) for name in shown) + "."]
    if len(manifest.classes) > len(shown):
        lines += ["", f"… and {len(manifest.classes) - len(shown)} more; all are in `manifest.json`."]
    return "\n".join(lines)


METRIC_WORDS = {"r2": "R²", "rmse": "RMSE", "mae": "MAE"}
SPLIT_WORDS = {"valid": "validation images", "test": "test images"}
SPLITS = (("n_train", "training"), ("n_valid", "choosing (validation)"), ("n_test", "the final score (test)"))


def _search(facts: Facts) -> str:
    search, budget = facts.search, facts.budget
    rows = [
        ("search space", search.get("space")),
        ("strategy", search.get("strategy")),
        ("architectures tried", search.get("n_trials")),
        ("ended because of", search.get("stop_reason")),
        ("budget", _budget(budget)),
        ("seconds used", budget.get("seconds_used")),
        ("seed", facts.seed),
        ("study", facts.study),
        *((f"training: {name}", value) for name, value in facts.recipe.items()),
    ]
    known = [(name, _number(value)) for name, value in rows if value is not None]
    table = _table(("", "value"), known) if known else "Not recorded."
    return (
        table
        + "\n\nThe architecture itself is in `architecture.json` (the decisions) and `network.py` (readable PyTorch)."
    )


def _scores(manifest: Manifest) -> str:
    facts, metric = manifest.facts, manifest.task.metric
    lines = []
    if facts.metrics:
        recorded = {name for split in facts.metrics.values() for name in split}
        names = [name for name in manifest.task.metrics if name in recorded]
        names += sorted(recorded - {*names})
        cells = (
            (SPLIT_WORDS.get(split, split), *(_score(name, values.get(name)) for name in names))
            for split, values in facts.metrics.items()
        )
        lines += [_table(("this network on", *map(_metric, names)), cells)]
    if facts.per_class:
        lines += ["", *_per_class(facts.per_class)]
    if facts.rows:
        lines += [
            "",
            "What the search bought, against networks that need none, all trained on the same training split:",
            "",
            _table(
                (
                    "",
                    f"valid {_metric(metric)}",
                    f"test {_metric(metric)}",
                    "params",
                    "multiply-adds",
                    "training seconds",
                ),
                (_row(row, metric) for row in facts.rows),
            ),
        ]
        if any(row.exported for row in facts.rows):
            lines += ["", "**Bold**: the network in this bundle."]
    return "\n".join(lines) or "Not recorded."


def _per_class(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of precision and recall; of many classes those that are found least."""
    shown = rows
    lines = [
        "Class by class, on the test images. Precision: of those given this name, how many deserve it; recall: of its "
        "own images, how many are found."
    ]
    if len(rows) > MAX_CLASSES:
        shown = sorted(rows, key=lambda row: (row.get("recall") is None, row.get("recall")))[:MAX_CLASSES]
        lines = [f"{lines[0]} These {MAX_CLASSES} of {len(rows)} classes have the lowest recall."]
    cells = (
        (row["name"], _number(row.get("n")), _share(row.get("precision")), _share(row.get("recall"))) for row in shown
    )
    return [*lines, "", _table(("class", "images", "precision", "recall"), cells)]


def _row(row: Row, metric: str) -> tuple[str, ...]:
    name = f"**{_cell(row.name)}**" if row.exported else _cell(row.name)
    seconds = "–" if row.seconds is None else f"{row.seconds:.0f}"
    return (name, _score(metric, row.valid), _score(metric, row.test), _number(row.params), _number(row.macs), seconds)


def _interface(manifest: Manifest) -> str:
    settings = manifest.preprocessing
    colours = "1 (grey)" if settings.channels == 1 else f"{settings.channels} (red, green, blue)"
    return "\n".join(
        (
            f"- `model.onnx`, input `image`: uint8 `(n, height, width, {settings.channels})`, any n, height and "
            f"width; channels {colours}.",
            f"- Inside: resize to {settings.height}×{settings.width} (triangle filter, antialiased), divide by 255, "
            f"subtract {_values(settings.mean)}, divide by {_values(settings.std)}; {_last_step(manifest)}.",
            f"- {_answer(manifest)}",
        )
    )


def _last_step(manifest: Manifest) -> str:
    settings = manifest.preprocessing
    if manifest.numeric:
        return f"the network's output times {settings.target_std:g} plus {settings.target_mean:g}"
    if settings.temperature == 1.0:
        return "softmax"
    return f"softmax at temperature {settings.temperature:.3g} (fitted on validation images, so that probabilities mean what they say)"


def _answer(manifest: Manifest) -> str:
    if manifest.numeric:
        return f"Output `value`: float32 `(n, 1)`, “{_cell(manifest.task.outputs[0].name)}” in the unit of the training data."
    return f"Output `probabilities`: float32 `(n, {len(manifest.classes)})`, columns ordered as `task.outputs[0].classes` in `manifest.json`."


def _use(manifest: Manifest) -> str:
    if manifest.numeric:
        purpose = (
            f"For telling “{_cell(manifest.task.outputs[0].name)}” from images of the same kind as the training data."
        )
        calls = 'predictor.predict(["picture.png"])  # numbers, one a picture'
    else:
        purpose = "For sorting images of the same kind as the training data into the classes above."
        calls = """\
predictor.predict(["picture.png"])        # names of classes
predictor.predict_proba(["picture.png"])  # probabilities"""
    return f"""\
{purpose} With onnxruntime, numpy and Pillow installed:

```python
from archsmith.bundle import Predictor

predictor = Predictor("path/of/this/folder")
{calls}
```

Without Archsmith: run `model.onnx` in any ONNX runtime, or `network.py` with torch (`load()` and `preprocess()` are in the file)."""


def _limits(manifest: Manifest) -> str:
    first = (
        "a number, also an image that shows something else"
        if manifest.numeric
        else "one of the classes above, also an image that shows none of them"
    )
    lines = [
        f"- Every image gets {first}.",
        "- Scores hold for images like those of the test split; other cameras, crops or lighting can lower them.",
        f"- Details finer than {manifest.preprocessing.height}×{manifest.preprocessing.width} pixels are lost; other "
        "aspect ratios are stretched.",
    ]
    return "\n".join(
        [
            *lines,
            *_limits_of_scores(manifest),
            "- Whether it treats groups of people alike was not examined. Do not let it decide about people.",
        ]
    )


def _limits_of_scores(manifest: Manifest) -> list[str]:
    if manifest.numeric:
        return [
            "- Numbers outside the range of the training data are guesses.",
            "- The number comes without an interval: how far off it usually is, the RMSE above says.",
        ]
    lines = []
    if manifest.preprocessing.temperature == 1.0:
        lines.append("- The probabilities are as trained; no temperature was fitted to make them mean what they say.")
    counts = [n for n in (manifest.facts.data.get("class_counts") or {}).values() if isinstance(n, int)]
    if counts and max(counts) >= 3 * max(1, min(counts)):
        lines.append(
            f"- The classes are uneven in the training data ({min(counts):,} to {max(counts):,} images): expect more "
            "errors on rare ones."
        )
    n_test = manifest.facts.data.get("n_test")
    accuracy = manifest.facts.metrics.get("test", {}).get("accuracy")
    if n_test and accuracy is not None:
        error = 1.96 * (accuracy * (1 - accuracy) / n_test) ** 0.5  # normal approximation of the binomial, 95 %
        lines.append(
            f"- With {n_test:,} test images the test accuracy is uncertain by about ±{100 * error:.1f} points (95 %)."
        )
    return lines


def _verification(manifest: Manifest) -> str:
    figures = manifest.verification
    if not figures:
        return "None were made."
    kind = (
        "random images of several sizes" if figures.get("images") == "random" else "raw images at their original size"
    )
    answer, unit = (
        ("number", " standard deviations of the training numbers") if manifest.numeric else ("probability", "")
    )
    lines = [
        f"Compared with the trained network on {figures['n']:,} {kind}:",
        "",
        f"- `model.onnx`: largest difference of a {answer} {figures['max_difference']:.1e}{unit}.",
        "- `network.py` with `weights.safetensors`: largest relative difference of an output of the network "
        f"{figures['source_difference']:.1e}.",
    ]
    if figures.get("accuracy_predictor") is not None:
        lines.append(
            f"- Accuracy on these images: {figures['accuracy_predictor']:.2%} exported, "
            f"{figures['accuracy_torch']:.2%} as trained."
        )
    if figures.get("rmse_predictor") is not None:
        lines.append(
            f"- RMSE on these images: {figures['rmse_predictor']:.6g} exported, {figures['rmse_torch']:.6g} as trained."
        )
    return "\n".join(lines)


def _reproduce(manifest: Manifest) -> str:
    facts = manifest.facts
    lines = []
    if facts.command:
        lines += ["```sh", facts.command.replace("```", ""), "```", ""]
    made = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    lines.append(f"Made {manifest.created} with {made}. Seed: {'not recorded' if facts.seed is None else facts.seed}.")
    if facts.budget.get("seconds"):
        lines.append(
            "The budget was wall-clock time, so another run may try more or fewer architectures and end with a "
            "different network."
        )
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(" --- " for _ in header) + "|"]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Text from outside on one line and without effect on the table around it."""
    return " ".join(str(value).split()).replace("\\|", "|").replace("|", "\\|").replace("<", "&lt;")


def _number(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _cell(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _budget(budget: Mapping[str, Any]) -> str | None:
    parts = [f"{budget[unit]:,g} {unit}" for unit in ("seconds", "trials") if budget.get(unit) is not None]
    return " or ".join(parts) or None


def _score(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("rmse", "mae"):  # in the unit of the numbers, whatever its size
        return f"{value:,.4g}"
    return _percent(value) if "accuracy" in name else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _metric(name: str) -> str:
    """A metric as people write it."""
    return METRIC_WORDS.get(name, name.replace("_", " "))


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _values(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.4f}" for value in values) + ")"


def _kind(channels: int) -> str:
    return "grey" if channels == 1 else "colour"
