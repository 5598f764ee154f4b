"""The model card: what the network is, what it was learnt from, how good it is and where it ends, in words a colleague
can read.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019, arXiv 1810.03993), in short. Every figure
comes from the run; what the run did not record is said to be missing. Each section is one function from the manifest
to text; what is special to a kind of data, its ``Intake`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archsmith.bundle.card_scores import MOST_CLASSES, in_a_sentence, scores
from archsmith.bundle.manifest import NOTICE, Manifest
from archsmith.bundle.markdown import cell, number, table
from archsmith.core.metrics import wilson
from archsmith.core.wording import RECIPE, amount, clock, network_name, reason_in_words, strategy_in_words

SPLITS = (("n_train", "training"), ("n_valid", "choosing (validation)"), ("n_test", "the final score (test)"))
MOST_COLUMNS = 60  # rows of the table of inputs


def card(manifest: Manifest) -> str:
    """``MODEL_CARD.md`` as text."""
    parts = [f"# {title(manifest)}", summary(manifest)]
    for heading, section in SECTIONS.items():
        parts += [f"## {heading}", section(manifest)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def title(manifest: Manifest) -> str:
    """The name of the bundle, or what it does, as Markdown."""
    facts = manifest.facts
    what = "Regression" if manifest.is_regression else "Classification"
    return cell(facts.name or facts.data.get("name") or f"{what} of {manifest.intake.nouns}")


def in_short(manifest: Manifest) -> str:
    """What it does, and how well."""
    intake, output = manifest.intake, manifest.output
    if manifest.is_regression:
        purpose = f"predicts the regression target “{cell(output.target)}” from {intake.material}"
    else:
        purpose = f"sorts {intake.material} into {len(output.classes)} classes"
    return f"A network that {purpose}. {in_a_sentence(manifest)}"


def summary(manifest: Manifest) -> str:
    """What it is, in some sentences that stand above its scores."""
    intake = manifest.intake
    row = next((row.name for row in manifest.facts.rows if row.exported), None)
    which = f" It is the row “{cell(network_name(row))}” of the scores below." if row else ""
    return (
        f"{in_short(manifest)} It has {amount(manifest.params, 'parameter')}, the numbers that it learnt, and needs "
        f"{amount(manifest.macs, 'multiplication')} for one {intake.noun} ({intake.size}).{which} It was chosen and "
        f"trained by Archsmith {manifest.versions.get('archsmith', '')}."
    )


def _data(manifest: Manifest) -> str:
    data, nouns = manifest.facts.data, manifest.intake.nouns
    sizes = [f"{data[key]:,} for {purpose}" for key, purpose in SPLITS if data.get(key) is not None]
    count = f"{nouns.capitalize()}: {', '.join(sizes)}." if sizes else f"The number of {nouns} was not recorded."
    lines = [f"Data set: {cell(data.get('name') or 'not recorded')}. {count}"]
    lines += [f"- {cell(note)}" for note in data.get("notes", ())]
    lines += _brought(manifest)
    return "\n".join([*lines, "", *(_targets(manifest) if manifest.is_regression else _classes(manifest))])


def _brought(manifest: Manifest) -> list[str]:
    """What the network had learnt before it saw these data."""
    origin = manifest.facts.origin
    if origin is None:
        return []
    return [
        "",
        f"It did not start from scratch. Its weights go back to {cell(origin.name)}, which was trained on "
        f"{cell(origin.trained_on)} (licence: {cell(origin.licence)}; SHA-256 of the file `{cell(origin.sha256)}`). "
        "What those data lack or distort, this network may lack or distort too, whatever the data above are like. "
        f"`{NOTICE}` has to go wherever the weights go.",
    ]


def _targets(manifest: Manifest) -> list[str]:
    output = manifest.output
    return [
        f"The regression targets of the training split have the mean {_target(output.mean)} and the standard deviation "
        f"{_target(output.std)}."
    ]


def _target(value: float) -> str:
    """Without a comma where it may be a year."""
    return f"{value:.4g}" if abs(value) < 9_999.5 else number(value)


def _classes(manifest: Manifest) -> list[str]:
    counts = manifest.facts.data.get("class_counts") or {}
    shown = manifest.classes[:MOST_CLASSES]
    if counts:
        heading = ("class", f"training {manifest.intake.nouns}")
        lines = [table(heading, ((name, number(counts.get(name))) for name in shown))]
    else:
        lines = ["Classes: " + ", ".join(cell(name) for name in shown) + "."]
    if len(manifest.classes) > len(shown):
        lines += ["", f"… and {len(manifest.classes) - len(shown)} more; all are in `manifest.json`."]
    return lines


def _strategy(name: object) -> str | None:
    return None if name is None else strategy_in_words(str(name))


def _search(manifest: Manifest) -> str:
    facts, reason = manifest.facts, manifest.facts.search.get("stop_reason")
    search, budget = facts.search, facts.budget
    trained = next((row.epochs for row in facts.rows if row.exported and row.epochs), None)
    trials = "short trainings that compare networks"
    if search.get("weights") == "shared":
        trials = "scores of networks with weights that all of them share, to compare them"
    rows = [
        ("search space", search.get("space"), "the networks that could be chosen"),
        ("strategy", _strategy(search.get("strategy")), "what proposed the next network to try"),
        ("trials", search.get("n_trials"), trials),
        ("networks tried", search.get("n_networks"), "one may have several trials"),
        ("ended because", reason_in_words(str(reason)) if reason and search.get("n_trials") else None, ""),
        ("budget", _budget(budget), "what the job was given; times as minutes:seconds"),
        ("seed", facts.seed, "the number that all randomness begins with"),
        ("study", facts.study, "the folder with the log of it all"),
        ("training: epochs", trained, "passes of this network through the training split"),
        *(
            (f"training: {name}", value, RECIPE.get(name, ""))
            for name, value in facts.recipe.items()
            if trained is None or name != "epochs"
        ),
    ]
    known = [(name, number(value), meaning) for name, value, meaning in rows if value is not None]
    where = "The architecture itself is in `architecture.json` (the decisions) and `network.py` (readable PyTorch)."
    if search.get("graph") is not None:
        where = "This network is no point of the search space. It is in `network.py` (readable PyTorch)."
    return f"{table(('', 'value', 'what it is'), known) if known else 'Not recorded.'}\n\n{where}"


def _budget(budget: Mapping[str, Any]) -> str | None:
    parts = [] if budget.get("seconds") is None else [clock(budget["seconds"])]
    parts += [] if budget.get("trials") is None else [amount(budget["trials"], "trial")]
    return " or ".join(parts) or None


def _interface(manifest: Manifest) -> str:
    lines = [f"- {sentence}" for sentence in (*manifest.intake.interface(), _last_step(manifest), _gives(manifest))]
    found = manifest.intake.table()
    if found is not None:
        heading, rows = found
        lines += ["", table(heading, rows[:MOST_COLUMNS])]
        if len(rows) > MOST_COLUMNS:
            lines += ["", f"… and {len(rows) - MOST_COLUMNS:,} more; all are in `manifest.json`."]
    return "\n".join(lines)


def _last_step(manifest: Manifest) -> str:
    output = manifest.output
    if manifest.is_regression:
        return f"Last: the network's output times {output.std:g} plus {output.mean:g}."
    if output.temperature == 1.0:
        return "Last: softmax, which makes probabilities of the network's outputs."
    return (
        f"Last: the network's outputs are divided by {output.temperature:.3g} (the temperature, found on the "
        "validation split so that probabilities mean what they say); then softmax makes probabilities of them."
    )


def _gives(manifest: Manifest) -> str:
    output = manifest.output
    if manifest.is_regression:
        return f"Output `{output.name}`: float32 `(n, 1)`, “{cell(output.target)}” in the unit of the training data."
    return f"Output `{output.name}`: float32 `(n, {output.n})`, columns ordered as `output.classes` in `manifest.json`."


def _use(manifest: Manifest) -> str:
    intake = manifest.intake
    if manifest.is_regression:
        target = cell(manifest.output.target)
        purpose = f"For predicting “{target}” from {intake.nouns} of the same kind as the training data."
        calls = f"predictor.predict({intake.usage})  # one value for each {intake.noun}"
    else:
        purpose = f"For sorting {intake.nouns} of the same kind as the training data into the classes above."
        calls = f"predictor.predict({intake.usage})  # names of classes\n"
        calls += f"predictor.predict_proba({intake.usage})  # probabilities"
    return f"""\
{purpose} With Archsmith installed (`pip install archsmith`, which brings no torch):

```python
from archsmith.bundle import Predictor

predictor = Predictor("path/of/this/folder")
{calls}
```

Without Archsmith, `model.onnx` runs in any ONNX runtime. With onnxruntime, numpy and Pillow, in this folder:

```python
import numpy as np
import onnxruntime
{intake.tensors}
session = onnxruntime.InferenceSession("model.onnx")
print(session.run(["{manifest.output.name}"], inputs)[0])
```

Or run `network.py` with torch (`load()` and `preprocess()` are in the file)."""


def limits(manifest: Manifest) -> str:
    """What it cannot be relied on for, as a list."""
    noun = manifest.intake.noun
    if manifest.is_regression:
        sentences = [
            f"Every {noun} gets a value, also one that the network was not made for.",
            *manifest.intake.limits(),
            "Values outside the range of the training targets are guesses.",
            "A value comes without an interval. How far off it usually is, the root mean squared error says.",
        ]
    else:
        sentences = [
            f"Every {noun} gets one of the network's classes, also one that belongs to none of them.",
            *manifest.intake.limits(),
            *_limits_of_classes(manifest),
        ]
    sentences.append("Whether it treats groups of people alike was not examined. Do not let it decide about people.")
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _limits_of_classes(manifest: Manifest) -> list[str]:
    found = []
    data, nouns = manifest.facts.data, manifest.intake.nouns
    if manifest.output.temperature == 1.0:
        found.append("The probabilities are as trained: no temperature was applied to them.")
    counts = [n for n in (data.get("class_counts") or {}).values() if isinstance(n, int)]
    if counts and max(counts) >= 3 * max(1, min(counts)):
        found.append(
            f"The classes are uneven in the training data ({min(counts):,} to {max(counts):,} {nouns}): errors "
            "may be more frequent on rare ones."
        )
    n_test = data.get("n_test")
    accuracy = manifest.facts.metrics.get("test", {}).get("accuracy")
    if n_test and accuracy is not None:
        apart = data.get("n_test_apart") or n_test
        low, high = (f"{100 * end:.1f}".removesuffix(".0") for end in wilson(accuracy, apart))
        once = f" {apart:,} of them are different; the interval counts copies once." if apart < n_test else ""
        found.append(
            f"The accuracy was measured on {n_test:,} test {nouns}: for {nouns} like these the true rate lies between "
            f"{low} % and {high} % (95 % interval).{once}"
        )
    return found


def _verification(manifest: Manifest) -> str:
    figures, nouns = manifest.verification, manifest.intake.nouns
    if not figures:
        return "None were made."
    kind = f"random {nouns}" if figures.get("examples") == "random" else nouns
    what, unit = (
        ("value", " standard deviations of the training targets") if manifest.is_regression else ("probability", "")
    )
    lines = [
        f"Before the bundle was written, it was compared with the trained network on {figures['n']:,} {kind}:",
        "",
        f"- `model.onnx`: largest difference of a {what} {figures['max_difference']:.1e}{unit}.",
        f"- `network.py` with `weights.safetensors`, on {_some(figures)}: largest relative difference of an output of "
        f"the network {figures['source_difference']:.1e}.",
    ]
    if figures.get("accuracy_predictor") is not None:
        lines.append(
            f"- Accuracy on these {nouns}: {figures['accuracy_predictor']:.2%} exported, "
            f"{figures['accuracy_torch']:.2%} as trained."
        )
    if figures.get("rmse_predictor") is not None:
        lines.append(
            f"- Root mean squared error on these {nouns}: {figures['rmse_predictor']:.6g} exported, "
            f"{figures['rmse_torch']:.6g} as trained."
        )
    return "\n".join(lines)


def _some(figures: Mapping[str, Any]) -> str:
    """How many of the examples ``network.py`` was compared on."""
    n = figures.get("n_source")  # which earlier bundles lack
    return "some of them" if n is None else "all of them" if n == figures["n"] else f"{n:,} of them"


def _reproduce(manifest: Manifest) -> str:
    facts = manifest.facts
    lines = []
    if facts.command:
        lines += ["```sh", facts.command.replace("```", ""), "```", ""]
    made = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    lines.append(f"Made {manifest.created} with {made}. Seed: {'not recorded' if facts.seed is None else facts.seed}.")
    if facts.budget.get("seconds"):
        lines.append(
            "The budget was time by the clock, so another run may try more or fewer architectures and end with a "
            "different network."
        )
    return "\n".join(lines)


SECTIONS: dict[str, Callable[[Manifest], str]] = {
    "Data": _data,
    "How it was found": _search,
    "Scores": scores,
    "What goes in and what comes out": _interface,
    "Use": _use,
    "Limits": limits,
    "Checks before release": _verification,
    "How to reproduce": _reproduce,
}
