"""Numbers, times and names as people read them: in a terminal, on a card, in a report. What a log calls ``fixed`` or
``calibrate`` has its plain words here, and nowhere else.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from archsmith.core import budget
from archsmith.core.targets import metric_title

TURNING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))  # marks of direction

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet may run a cell that begins with these
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LONGEST = 60  # letters of a setting that is told
SOME_USED = " are used: "
HARDLY_TRAINED = "hardly trained"
CUT = "cut short by the time"
HARDLY = 1.0  # epochs; who was trained for less has not seen every example, and its score says little

REASONS = {
    budget.SECONDS: "its time was used up",
    budget.LATE: "nothing else that promised more would have been over in time",
    budget.OUTDONE: "the pretrained network promised to end ahead of all candidates",
    budget.TRIALS: "the number of trials was reached",
    budget.EXHAUSTED: "nothing more was proposed",
    budget.SETTLED: "more training of the best network was worth more than more candidates",
    budget.CONVERGED: "many trials in a row found nothing better",
    budget.REQUESTED: "a person asked it to finish",
    budget.INTERRUPTED: "it was interrupted",
    budget.FAILURES: "too many trials in a row failed",
    budget.UNTRAINABLE: "no network of this space can be trained",
    budget.FAILED: "it failed",
    budget.UNPREPARED: "what all trials need could not be made ready",
    budget.BROKEN: "its strategy or its space failed",
}
NETWORKS = {  # the rows of a job
    "linear": "linear model",
    "fixed": "hand-made network",
    "boosted": "gradient boosting",
    "pretrained": "pretrained network",
    "searched": "searched network",
    "runner_up": "another network of the search",
    "tuned": "tuned pretrained network",
    "unfinished": "best trial",
    "earlier": "network from before",
    "earlier_fixed": "hand-made network from before",
}
ABOUT = {  # what these are
    "linear": "the simplest model, to compare with",
    "boosted": "many small decision trees, each of which corrects those before it",
    "fixed": "a small network that a person designed, always the same one",
    "searched": "the network that the search put first, after its last training",
    "runner_up": "one that the search put behind its best, trained in the time that was left",
    "pretrained": "a network that has learnt from other data; only its last layer is new",
    "tuned": "the pretrained network, with all of its weights trained further on these data",
    "unfinished": "the best training of the search, as the search left it",
    "earlier": "a network from before the study went on, as it was trained then",
    "earlier_fixed": "the hand-made network, as it was trained before the study went on",
}
NO_ARTICLE = ("boosted", "runner_up")
PHASES = {
    "start": "starting the program",
    "read": "reading and checking the data",
    "search": "search",
    "plan": "planning the search",
    "ready": "getting ready for the last trainings",
    "choose": "choosing the best network",
    "calibrate": "checking how sure it is",
    "test": "measuring on the test split",
    "export": "writing and checking the bundle",
    "report": "writing the report",
}
SPLITS = {"train": "training", "valid": "validation", "test": "test"}
RECIPE = {  # the settings of a training, and what each means
    "learning_rate": "how far a step of training goes",
    "momentum": "how much of the last step goes on in the next one",
    "bias_rate": "how many times as fast offsets of batch norms learn",
    "weight_decay": "how strongly parameters are drawn towards 0",
    "label_smoothing": "how far targets are blurred",
    "batch_size": "examples of one step",
    "epochs": "most passes through the training split",
    "schedule": "how the learning rate changes",
    "warmup": "share of the training in which the learning rate rises",
    "average": "epochs over which parameters are averaged",
    "clip": "the longest step; 0 is no limit",
    "auxiliary": "weight of a second output that only helps training",
    "balance": "does what is rare count as much as what is common?",
    "optimizer": "the rule that makes the steps",
    "shift": "share of their side by which pictures are moved at random",
    "flip": "are pictures mirrored at random?",
    "cutout": "share of their side that is covered at random",
}
FAMILIES = {  # of networks for pictures
    "stages": "stages of convolutions",
    "resnet": "wide residual network",
    "inverted": "inverted bottlenecks",
    "mlp": "fully connected layers",
    "flat": "one linear layer",
    "strips": "strips of columns or rows",
    "mixer": "mixed patches",
    "channels": "each channel by itself",
    "tiles": "each tile by itself",
    "attention": "attention between patches",
    "cell": "published cells",
    "wide": "few wide convolutions",
}
MADE = {  # how a strategy came to a proposal
    "seed": "searches of this kind begin with it",
    "first": "the search began with it",
    "sample": "drawn by chance",
    "mutate": "made from {parents} by changing decisions",
    "crossover": "mixed from {parents}",
    "neighbour": "one decision away from {parents}",
    "model": "a model of the scores so far expected much of it",
    "policy": "drawn by the strategy's probabilities",
    "derived": "derived from the shared weights",
    "grow": "grown from {parents}",
    "suggest": "suggested by the sampler",
    "promote": "goes on from {parents}",
    "carry_on": "goes on from {parents}",
}
GLOSSARY = {  # words that pages use without explaining them
    "study": "One search for a network on your data, with all that it logged. It can be paused, resumed, "
    "given more time and removed.",
    "network": "What learns: operations that are joined, and the numbers in them. Its architecture is the plan of it.",
    "trial": "One evaluation of one architecture, usually a training of its network, and the score that came of it. A "
    "network that is trained further has a trial for each part of its training.",
    "decision": "One question that the plan of a network answers, such as how many filters its first stage has.",
    "parameters": "The numbers in a network that it learns. More of them can hold more, and take more memory.",
    "multiply-adds": "How much one prediction has to compute: a multiplication with its addition is one. 5 M "
    "are five million.",
    "training keeps, one example": "The memory that training needs for each example of a batch, on top of the "
    "parameters: values inside of the network that are kept until it has learnt from them.",
    "epoch": "One pass through the training split. 0.5 epochs have seen half of the examples.",
    "training, validation and test split": "Parts of the data. Networks learn from the training split; the "
    "validation split decides which network is taken; the test split is kept aside and used for one measurement "
    "at the end.",
    "score": "How good a network is, as the metric of the study says: of accuracy the share of examples that "
    "it gets right.",
    "baseline": "A simple model, or a network that nobody searched for, trained on the same data. What it "
    "reaches shows what the search brought.",
    "interval": "A score on few examples is partly luck. The true one lies in a 95 % interval in 19 of 20 cases.",
    "strategy": "What chooses which network is tried next.",
    "budget": "What the whole study may take: time, a number of trials, or both.",
    "front": "With several objectives: the networks that no other one dominates. One dominates another where it is as "
    "good in all objectives and better in one.",
    "bundle": "What a study hands over: the network in files that run anywhere, with its card and its report. "
    "The app calls it a model.",
    "lineage": "Which network was made from which, by changing some of its decisions.",
}
PURPOSES = {"train": "to learn from", "valid": "to choose by", "test": "for one test at the end"}


def decimals(value: float, least: int) -> int:
    """How many decimals ``value`` is told with, ``least`` or more: what is not quite 1, the perfect score, never looks
    as if it were.
    """
    if not abs(value) < 1 or float(f"{abs(value):.{least}f}") < 1:
        return least
    return math.ceil(-math.log10(1 - abs(value)) - 1e-9)


def number(value: float) -> str:
    """A score with four digits after the point, or a count with commas between thousands. A whole float of 1,000 or
    more is a count, too.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (value.is_integer() and 1000 <= abs(value) < 1e15):
        return f"{int(value):,}"
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:z.{decimals(value, 4)}f}".rstrip("0").rstrip(".")
    return f"{value:.4g}"


def some_used(n: int, of: int, nouns: str, why: str) -> str:
    """The note of data that are too many for the time."""
    return f"{n:,} of {of:,} {nouns}{SOME_USED}{why}."


def left_out(notes: Iterable[str]) -> str:
    """The note that says that not all examples are used, for whoever reads scores; empty where all are."""
    return next((note for note in notes if SOME_USED in note), "")


def amount(n: int, thing: str) -> str:
    """``1 trial``, ``2,000 trials``."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def measure(value: float, name: str) -> str:
    """How much of a fidelity: ``1 epoch``, ``4 epochs``, ``0.5 data fraction``."""
    told = number(value)
    words = name.replace("_", " ")
    return f"{told} {words.removesuffix('s') if told == '1' else words}"


def size(n_bytes: int) -> str:
    """``12 kB``, ``3.4 MB``."""
    value, unit = float(n_bytes), "bytes"
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"


def direction(metric: str, maximize: bool) -> str:
    """``accuracy (more is better)``."""
    return f"{metric_name(metric)} ({'more' if maximize else 'less'} is better)"


# What decided where several have the same score; the first goes on a sentence, the second is one.
OF_EQUALS = "; of equals those that were not stopped early come first, and then the smaller loss decides"
TIED = f"At least one other scored the same on the validation split{OF_EQUALS}."


def clock(seconds: float | None) -> str:
    """``seconds`` as ``0:07``, ``12:30`` or ``1:02:30``; ``–`` when unknown."""
    if seconds is None:
        return "–"
    hours, rest = divmod(max(0, round(seconds)), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def visible(text: str, but: str = "") -> str:
    """``text`` with every character written out that would act instead of being read: control characters, marks that
    turn the direction of writing, and bytes of file names that are no text. So ``\\x1b`` stands for an escape. ``but``:
    characters that may stay.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter in but or not _acts(letter) else _written(letter) for letter in text)


def harmless(text: str) -> str:
    """``text``, with an apostrophe in front if a spreadsheet would run it as a formula."""
    return "'" + text if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text


def _acts(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in TURNING


def _written(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as os.fsdecode gives it
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def metric_name(metric: str) -> str:
    """The title of a metric."""
    return metric_title(metric)


def sentence_case(text: str) -> str:
    """``text`` with a capital letter at the beginning; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def network_name(name: str) -> str:
    """What a row of a job is called: ``hand-made network`` for ``fixed``. Of several that are called alike, all but the
    first have a number: ``another network of the search (2)``. Unknown names stay as they are.
    """
    kind, _, n = name.partition(".")
    if kind not in NETWORKS:
        return name.replace("_", " ")
    return f"{NETWORKS[kind]} ({int(n) + 1})" if re.fullmatch(r"[0-9]{1,4}", n) else NETWORKS[kind]


def the_network(name: str) -> str:
    """The same inside a sentence: ``the hand-made network``."""
    kind = name.partition(".")[0]
    return f"the {network_name(name)}" if kind in NETWORKS and kind not in NO_ARTICLE else network_name(name)


def about_network(name: str) -> str:
    """What a row of a job is, in a few words; empty for an unknown one."""
    return ABOUT.get(name.partition(".")[0], "")


def passed_over(rows: Iterable[Mapping[str, Any]], told_as: Callable[[float], str] = number) -> str:
    """What was better on the validation split than the exported network, and why it was not taken: it could not be
    tested and exported in the time, or it is not clearly better. Empty where there is nothing. ``rows``: of a job.
    ``told_as``: a score in words.
    """
    known = [row for row in rows if row.get("valid") is not None]
    own = next((float(row["valid"]) for row in known if row.get("exported")), math.inf)
    told = []
    for kind in ("enough_seconds", "by_chance"):
        better = [row for row in known if row.get(kind) and row["valid"] > own]
        if not better:
            continue
        best = max(better, key=lambda row: float(row["valid"]))
        was = (
            f"{sentence_case(the_network(str(best['name'])))} was better on the validation split "
            f"({told_as(float(best['valid']))} against {told_as(own)}), but"
        )
        if kind == "by_chance":
            told.append(f"{was} by no more than chance may bring where many are compared, so it was not taken.")
        else:
            enough = math.ceil(best["enough_seconds"] / 60)
            told.append(f"{was} it is too slow to be tested and exported in this time: give --time {enough}m.")
    return " ".join(told)


def remark(row: Mapping[str, Any]) -> str:
    """What is to be said beside a row of a job, in a few words; empty where that is nothing."""
    if row.get("error"):
        return str(row["error"])
    little = HARDLY_TRAINED if hardly(row) else CUT if row.get("cut") else ""
    if row.get("exported"):
        return f"exported, {little}" if little else "exported"
    if row.get("enough_seconds"):
        return "too slow for this time"
    if row.get("by_chance"):
        return "not clearly better"
    return little or ("stopped early" if row.get("stopped") else "")


def hardly(row: Mapping[str, Any]) -> bool:
    """Was a row of a job trained for so little that its score says nothing of it?"""
    return 0 < float(row.get("epochs") or 0.0) < HARDLY


def family_name(family: str) -> str:
    """What a family of networks is; an unknown one by its name."""
    return FAMILIES.get(family, family.replace("_", " "))


def made_how(operator: str, parents: Iterable[int]) -> str:
    """How a strategy came to a proposal, in a few words; empty where nothing is known. ``parents``: ids of trials."""
    ids = [str(parent) for parent in parents]
    told = f"trial{'' if len(ids) == 1 else 's'} {' and '.join(ids)}"
    if operator in MADE and (ids or "{" not in MADE[operator]):
        return MADE[operator].format(parents=told)
    return f"made from {told}" if ids else ""


def phase_name(name: str) -> str:
    """What a phase of a job does. A baseline has a phase of its own, with its name."""
    kind, _, network = name.partition(" ")
    return f"training {the_network(network)}" if kind == "train" else PHASES.get(name) or network_name(name)


def epochs(n: float) -> str:
    """``1 epoch``, ``0.05 epochs``, ``12.3 epochs``: the same in every place that tells how long a network learnt."""
    told = f"{n:.0f}" if n >= 1000 else f"{n:.3g}"
    return f"{told} epoch{'' if told == '1' else 's'}"


def times(n: int) -> str:
    """``once``, ``twice``, ``3 times``."""
    return {0: "never", 1: "once", 2: "twice"}.get(n, f"{n} times")


def spec_in_words(spec: object) -> str:
    """A part of a study as ``race(anchors=3, inner=graph_gp)``. Of parts within it the names are told, and no long
    lists: the log has it all.
    """
    if not isinstance(spec, Mapping) or "type" not in spec:
        return str(spec)
    told = []
    for name, value in (spec.get("args") or {}).items():
        text = str(value.get("type", "…")) if isinstance(value, Mapping) else str(value)
        told.append(f"{name}={text if len(text) <= LONGEST else '…'}")
    return f"{spec['type']}({', '.join(told)})"


def strategy_in_words(strategy: str) -> str:
    """``graph_gp, within a race`` for ``race(inner=graph_gp)``: what proposes, and that trainings compete. The exact
    terms are in ``spec_in_words``.
    """
    raced = re.fullmatch(r"race\(inner=(\w+)\)", strategy)
    return f"{raced[1]}, within a race" if raced else strategy


def reason_in_words(reason: str) -> str:
    """Why a search ended: ``its time was used up``. A reason of somebody else stays as it is."""
    return REASONS.get(reason, reason)


def end_of_search(reason: str, n_trials: int | None) -> str:
    """``the search ended because its time was used up``, or that no trial did. ``n_trials``: how many it had;
    None: it was one in any case.
    """
    if n_trials != 0:
        return f"the search ended because {reason_in_words(reason)}"
    why = ": the time was too short" if reason == budget.SECONDS else f", because {reason_in_words(reason)}"
    return f"no trial of a search came to its end{why}"
