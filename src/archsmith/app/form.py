"""The form of a new study, made from the one description of options: the fields of ``FitSettings`` with their ``help``
and ``least``, and the dataclasses of spaces and strategies as ``app.choices`` told them.

A form is a mapping of texts, as a browser sends it. Reading it gives the options of a job, and for each wrong text a
sentence that stands beside its field.
"""

from __future__ import annotations

import copy
import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith import catalog
from archsmith.app.fields import LIKE_ZERO, Field, value_of
from archsmith.automl.plan import AUTO, WEIGHTS
from archsmith.automl.settings import FitSettings
from archsmith.core.budget import parse_seconds, without_unit
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.core.targets import REGRESSION, metric_meaning, metric_title, target_kind
from archsmith.core.task import Input, Output, Task
from archsmith.core.wording import sentence_case
from archsmith.data.tables.read import refuse_to_ignore

OWN_TIME, NO_TIME, DEFAULT_BUDGET = "own", "none", "600"
BUDGETS = {"120": "2 minutes", "600": "10 minutes", "3600": "1 hour", OWN_TIME: "Another time", NO_TIME: "No limit"}
GOAL, EVERY_EXAMPLE, EVERY_CLASS = "balance", "", "yes"
LIMITS = ("memory_mb", "disk_mb", "workers")
# What a person in front of a browser may not set: places on this machine, code, and what the check of the data decides.
LEFT_OUT = ("out", "workspace", "replace", "pretrained_weights", "modality", "task", "image", "target")
OF_PICTURES, OF_TABLES = ("side", "pretrained"), ("ignore",)  # what is said of only one of them
TEXTS = tuple[str, ...]
FIRST = ("seconds", "trials", "balance", *LIMITS)  # fields with a place of their own; all others are advanced
PARTS = ("space", "strategy")  # fields whose value has fields of its own
DEVICES = (AUTO, "cpu", "cuda", "mps")
LABELS = {
    "seconds": "Time",
    "trials": "Most trials",
    "memory_mb": "Memory of one training, MB",
    "disk_mb": "Disk for trials, MB",
    "workers": "Trials at once",
    "side": "Side of pictures, pixels",
    "ignore": "Columns to learn without",
    "weights": "Weights of trials",
    "pretrained": "Compare with pretrained features",
    "space": "Search space",
}
LONGEST_SECONDS = 30 * 86_400.0  # of a study
TIMES = "a time like 90s, 20m or 1h30m"
NO_TIME_YET = "Say how long it may take, like 90s, 20m or 1h30m."
FLAGS = (
    (re.compile(r"\s*\((?:[^()]*, )?\w+= in Python\)"), ""),
    (
        re.compile(r"with --balance every class counts alike"),
        "the goal “balanced accuracy” lets every class count alike",
    ),
    (re.compile(r"leave out --task regression"), "choose “classification” as the task"),
    (re.compile(r"say --task regression"), "choose “regression” as the task"),
    (re.compile(r"\bsay --task (\w+)"), r"choose “\1” as the task"),
    (re.compile(r"[Ss]ay which with --target"), "Choose it under “What is learnt”"),
    (
        re.compile(r"name another (one|column) with --(?:target|image-column)"),
        r"choose another \1 under “What is learnt”",
    ),
    (re.compile(r"name one of them with --(?:target|image-column)"), "choose one of them under “What is learnt”"),
    (re.compile(r"another column with --target"), "another column under “What is learnt”"),
    (re.compile(r"; 20m unless --trials"), ""),
    (re.compile(r"; or --no-pretrained"), ""),
    (re.compile(r": a name of `archsmith catalog \w+`, or module:Class(; that of the kind when left out)?"), ""),
    (re.compile(r"--target\b"), "the target column"),
    (re.compile(r"Column of a table to learn without; may be repeated"), "Their names, with commas between"),
    (re.compile(r"(leave them out) with --ignore"), r"\1 under “Columns to learn without”"),
    (re.compile(r"--image-column\b"), "the column of pictures"),
    (re.compile(r"[Gg]ive --(\w+)"), r"Set \1"),
    (re.compile(r"--(\w[\w-]*)"), r"\1"),
)


@dataclass(frozen=True)
class Order:
    """What a form asks for.

    ``options``: fields of ``FitSettings``, without the data.
    ``wrong``: a sentence for each wrong field by its name in the form; the empty name stands for the form as a whole.
    ``notes``: how something was read that could be meant otherwise, in sentences.
    """

    options: dict[str, Any]
    wrong: dict[str, str]
    notes: tuple[str, ...] = ()


def in_the_page(text: str) -> str:
    """A sentence of the command line for somebody who has a form before them."""
    for found, words in FLAGS:
        text = found.sub(words, text)
    return text


# -- which fields there are


def fields(names: Iterable[str], facts: Mapping[str, Any]) -> list[Field]:
    """The fields of ``FitSettings`` called ``names``, for the data that ``facts`` describe."""
    hints = typing.get_type_hints(FitSettings)
    entries = {entry.name: entry for entry in dataclasses.fields(FitSettings)}
    return [_field(entries[name], hints[name], facts) for name in names]


def advanced(facts: Mapping[str, Any]) -> list[str]:
    """The names of all fields of ``FitSettings`` that a form may set and that have no place of their own."""
    known = [entry.name for entry in dataclasses.fields(FitSettings) if "help" in entry.metadata]
    others = OF_TABLES if facts.get("kind") == "image" else OF_PICTURES
    return [name for name in known if name not in (*FIRST, *LEFT_OUT, *others)]


def part_fields(part: str, facts: Mapping[str, Any]) -> dict[str, list[Field]]:
    """The own fields of every space, or of every strategy, by its name."""
    return {
        row["name"]: [
            Field(
                f"{part}.{row['name']}.{entry['name']}",
                sentence_case(entry["name"].replace("scale.", "").replace("_", " ").replace(".", " ")),
                sentence_case(entry["help"]),
                entry["kind"],
                _text(entry["default"]),
            )
            for entry in row["fields"]
        ]
        for row in _rows(part, facts)
    }


def summaries(part: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """What every space, or every strategy, is, in a sentence by its name."""
    return {row["name"]: row["summary"] for row in _rows(part, facts)}


def goals(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What can be optimised, as values of the field ``balance`` and words. One entry: there is no choice."""
    rows = [(EVERY_EXAMPLE, facts.get("metrics")), (EVERY_CLASS, facts.get("balanced_metrics"))]
    return tuple((value, _in_words(metrics[0])) for value, metrics in rows if metrics)


def _in_words(metric: str) -> str:
    meaning = metric_meaning(metric)
    return f"{sentence_case(metric_title(metric))}{f': {meaning}' if meaning else ''}"


def _rows(part: str, facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = facts.get({"space": "spaces", "strategy": "strategies"}[part]) or ()
    return rows


def _field(entry: dataclasses.Field[Any], hint: Any, facts: Mapping[str, Any]) -> Field:
    name = entry.name
    inner = [one for one in typing.get_args(hint) if one is not type(None)] if isinstance(hint, types.UnionType) else []
    kind = {int: "int", float: "float", bool: "bool", str: "str", TEXTS: "texts"}[inner[0] if inner else hint]
    options: tuple[tuple[str, str], ...] = ()
    default = _text(entry.default)
    if name == "weights":
        options = tuple((value, value) for value in (AUTO, *WEIGHTS))
    elif name == "device":
        options = tuple((value, value) for value in DEVICES)
    elif name in PARTS:
        default = default or str(facts.get("space", ""))
        options = tuple((row["name"], row["name"]) for row in _rows(name, facts)) or ((default, default),)
    kind = "choice" if options else "seconds" if name == "seconds" else kind
    label = LABELS.get(name) or sentence_case(name.replace("_", " "))
    return Field(name, label, in_the_page(entry.metadata["help"]), kind, default, options)


def _text(value: Any) -> str:
    if value is None or value is dataclasses.MISSING:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


# -- what a person filled in


def read(values: Mapping[str, Any], facts: Mapping[str, Any]) -> Order:
    """The options that ``values`` ask for. Fields that the form does not have are passed over. A check box that is not
    set has no value, as in a browser, where ``complete`` says that all of them were sent.
    """
    given = {str(name): str(value).strip() for name, value in values.items() if isinstance(value, str | int | float)}
    options, wrong = dict[str, Any](), dict[str, str]()
    notes = _read_budget(given, options, wrong)
    for field in fields(("trials", *LIMITS, *advanced(facts)), facts):
        if field.name in given or (field.kind == "bool" and "complete" in given):
            _read_one(field, given.get(field.name, ""), options, wrong)
    if given.get(GOAL, EVERY_EXAMPLE) not in LIKE_ZERO and facts.get("task") != REGRESSION:
        options["balance"] = True
    settings = {part: found for part in PARTS if (found := _read_part(part, given, facts, wrong))}
    if settings:
        options["settings"] = settings
    _refuse_each(options, wrong)
    _refuse_ignored(options, facts, wrong)
    _refuse_parts(options, facts, wrong)
    return Order(options, wrong, notes)


def _read_budget(given: Mapping[str, str], options: dict[str, Any], wrong: dict[str, str]) -> tuple[str, ...]:
    """Returns how a time without a unit was read."""
    chosen = given.get("budget", DEFAULT_BUDGET)
    if chosen == NO_TIME:
        options["seconds"] = None
        if not given.get("trials"):
            wrong["trials"] = "Without a limit of time, say how many trials there may be."
        return ()
    text = given.get("seconds", "") if chosen == OWN_TIME else chosen
    if not text:
        wrong["seconds"] = NO_TIME_YET
        return ()
    try:
        options["seconds"] = parse_seconds(text)
    except UsageError as error:
        wrong["seconds"] = in_the_page(str(error))
        return ()
    if options["seconds"] > LONGEST_SECONDS:
        wrong["seconds"] = f"A study runs for up to {LONGEST_SECONDS / 86_400:.0f} days. Give {TIMES}."
    return tuple(without_unit(text)) if chosen == OWN_TIME else ()


def _read_one(field: Field, text: str, options: dict[str, Any], wrong: dict[str, str]) -> None:
    try:
        value = value_of(field, text)
    except ValueError as error:
        wrong[field.name] = str(error)
        return
    # what is as the form came is left out: a space that nobody chose is not one that a person asked for
    if value is not None and _text(value) != field.default:
        options[field.name] = value


def _read_part(part: str, given: Mapping[str, str], facts: Mapping[str, Any], wrong: dict[str, str]) -> dict[str, Any]:
    """The own fields of the space or the strategy that was chosen, where they differ from their defaults."""
    own = part_fields(part, facts)
    chosen = given.get(part) or _default_of(part, facts)
    found: dict[str, Any] = {}
    for field in own.get(chosen, []):
        text = given.get(field.name)
        if text is None and not (field.kind == "bool" and "complete" in given):
            continue
        if (text or "") == field.default:
            continue
        try:
            value = value_of(field, text or "")
        except ValueError as error:
            wrong[field.name] = str(error)
            continue
        _put(found, field.name.split(".")[2:], value)
    _fill(found, _rows(part, facts), chosen)
    return found


def _put(found: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *outer, last = path
    for name in outer:
        found = found.setdefault(name, {})
    found[last] = value


def _fill(found: dict[str, Any], rows: Sequence[Mapping[str, Any]], chosen: str) -> None:
    """An object within a space is built anew, so that a field of it that is set needs the others as they were."""
    for entry in next((row["fields"] for row in rows if row["name"] == chosen), ()):
        *outer, last = entry["name"].split(".")
        if outer and outer[0] in found and entry["default"] is not None and last not in found[outer[0]]:
            _put(found, [*outer, last], entry["default"])


def _refuse_each(options: dict[str, Any], wrong: dict[str, str]) -> None:
    """Let ``FitSettings`` look at every option alone, so that each error stands at its field, and then at all."""
    for name, value in options.items():
        if value is None:  # no limit of time, which is wrong only where there is no other one
            continue
        try:
            FitSettings("digits", **{name: value})
        except UsageError as error:
            wrong.setdefault(name, in_the_page(str(error)))
    if not wrong:
        try:
            FitSettings("digits", **options)
        except UsageError as error:
            wrong[placed(error, options)] = in_the_page(str(error))


def _refuse_ignored(options: Mapping[str, Any], facts: Mapping[str, Any], wrong: dict[str, str]) -> None:
    """Let the reader of tables look at the columns to learn without, before a job begins that they would end."""
    target = str(facts.get("target") or "")
    columns = [str(name) for name in facts.get("headings") or () if name != target]
    if columns and "ignore" in options:
        try:
            refuse_to_ignore(options["ignore"], columns, target)
        except DataError as error:
            wrong.setdefault("ignore", str(error))


def _refuse_parts(options: Mapping[str, Any], facts: Mapping[str, Any], wrong: dict[str, str]) -> None:
    """Let the space and the strategy look at their own settings, before a job begins that they would end."""
    for part, settings in options.get("settings", {}).items():
        if any(name == part or name.startswith(f"{part}.") for name in wrong):
            continue
        try:
            _build(part, options.get(part) or _default_of(part, facts), settings, facts)
        except ArchsmithError as error:
            name = options.get(part) or _default_of(part, facts)
            cured = _cure(part, name, settings, facts)
            wrong[f"{part}.{name}.{cured}" if cured else placed(error, options, facts)] = as_value(error)
        except (KeyError, TypeError, ValueError):  # of facts that an earlier version wrote; the job will look itself
            continue


def _cure(part: str, name: str, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The field that alone is wrong: with its default, all of them can be used. Empty where there is none such."""
    rows = next((row["fields"] for row in _rows(part, facts) if row["name"] == name), ())
    defaults = {entry["name"]: entry["default"] for entry in rows}
    for path in _paths(settings):
        other = copy.deepcopy(dict(settings))
        _put(other, path.split("."), defaults.get(path))
        try:
            _build(part, name, other, facts)
        except ArchsmithError:
            continue
        return path
    return ""


def _build(part: str, name: str, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    cls: Any = catalog.get(part, name)
    args = {} if part == "strategy" else catalog.to_spec(cls.for_task(_task(facts)))["args"]
    catalog.build(cls, {**args, **settings})


def _task(facts: Mapping[str, Any]) -> Task:
    """What is learnt from the data; its classes have no names."""
    kind = target_kind(facts["task"])
    n = 1 if kind.name == REGRESSION else int(facts["findings"]["n_classes"])
    inputs = tuple(Input.from_dict(entry) for entry in facts["inputs"])
    return Task(inputs, (Output("class", kind.name, n),), kind.loss, kind.metrics)


def _default_of(part: str, facts: Mapping[str, Any]) -> str:
    return str(FitSettings.__dataclass_fields__[part].default or facts.get("space") or "")


def as_value(error: ArchsmithError) -> str:
    """What an error says beside the field of its value: ``GraphGP has n_start=0.`` names a class of Python."""
    plain = re.sub(r"^\w+ has [\w.]+=(\S+)\.$", r"It cannot be \1.", error.message)
    return in_the_page(" ".join(filter(None, (plain, error.hint))))


def placed(error: ArchsmithError, options: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> str:
    """The field that an error speaks of; empty for none. Errors of spaces and strategies name their field after a dot
    or before an equals sign.
    """
    said = f"{error.message} "
    for part in PARTS:
        chosen = options.get(part) or _default_of(part, facts or {})
        for name in _paths(options.get("settings", {}).get(part, {})):
            last = re.escape(name.rpartition(".")[2])
            if re.search(rf"(?:\.{last}\b|\b{last}(?:=| is\b| of\b| cannot\b)|'{last}')", said):
                return f"{part}.{chosen}.{name}"
    names = [name for name in options if re.search(rf"\b{name}\b", said)]
    return names[0] if names else ""


def _paths(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        found += _paths(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [prefix + name]
    return found
