"""What a search for several objectives found, in a terminal: the front, its knee, and its hyper-volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsmith.core.front import Front
    from archsmith.core.history import History
    from archsmith.core.trial import Trial

MOST_ROWS = 20  # of a front that are listed unless a person says otherwise
MOST_EQUALS = 4  # trials that are named as equal to another
MORE, LESS = "↑", "↓"


def front_data(history: History) -> dict[str, Any]:
    """The keys ``front``, ``knee`` and ``hypervolume`` of a JSON line; None of a search for one objective."""
    if len(history.problem.objectives) < 2:
        return {"front": None, "knee": None, "hypervolume": None}
    front = history.front()
    return {
        "front": [
            {"trial": trial.id, "metrics": dict(trial.metrics), "architecture": dict(trial.architecture)}
            for trial in front
        ],
        "knee": None if front.knee is None else front.knee.id,
        "hypervolume": None
        if front.hypervolume is None
        else {"value": front.hypervolume, "ideal": front.ideal, "reference": front.reference},
    }


def show_front(history: History, most: int | None = None) -> None:
    """Print the front as a table of at most ``most`` rows, what it is worth, and one architecture of it."""
    from archsmith.cli.output import say, show
    from archsmith.core.wording import amount, metric_name

    front = history.front()
    say(f"Front: {len(front)} of {amount(len(history.finished), 'trial')}.{_left_out(history)}", _meaning(front))
    rows = spread(front.distinct, most or MOST_ROWS, front.knee)
    titles = [f"{metric_name(each.metric)} {MORE if each.maximize else LESS}" for each in front.objectives]
    show(("trial", *titles, ""), [_row(front, trial) for trial in rows])
    if len(rows) < len(front.distinct):
        between = " between them" if len(rows) > 2 else ""  # of fewer, an end may be left out
        say(f"{len(front.distinct) - len(rows):,} more{between}; --json lists all.")
    say("", *_worth(front))
    shown = history.representative()
    assert shown is not None
    why = "the knee" if front.knee is not None else f"the best by {metric_name(front.objectives[0].metric)}"
    say("", f"Architecture of trial {shown.id}, {why}:")
    show(("decision", "option"), [(path, str(option)) for path, option in shown.architecture.items()])


def spread(trials: Sequence[Trial], most: int, kept: Trial | None) -> list[Trial]:
    """At most ``most`` of ``trials`` at even steps, the first, the last and ``kept`` among them if there is room."""
    if len(trials) <= most:
        return list(trials)
    places = [round(i * (len(trials) - 1) / max(1, most - 1)) for i in range(most)]
    if kept is not None and (place := trials.index(kept)) not in places:
        places[min(range(most), key=lambda i: (i in (0, most - 1), abs(places[i] - place)))] = place
    return [trials[i] for i in sorted(places)]


def _meaning(front: Front) -> str:
    if len(front.distinct) == 1:
        return "It is best in every objective." if len(front) == 1 else "They are equal, and best in every objective."
    signs = {each.maximize: MORE if each.maximize else LESS for each in front.objectives}
    words = [f"{sign} {'more' if maximize else 'less'} is better" for maximize, sign in signs.items()]
    return f"No other trial is better in one objective and at least as good in the others ({', '.join(words)})."


def _left_out(history: History) -> str:
    """What is not compared although it finished well."""
    from archsmith.core.wording import amount

    fidelity = history.front()[0].fidelity
    done = [trial for trial in history.finished if trial.losses is not None]
    outside = sum(not trial.feasible for trial in done)
    shorter = sum(trial.feasible and trial.fidelity != fidelity for trial in done)
    name = history.problem.fidelity.name.replace("_", " ")
    told = [f"{amount(outside, 'trial')} outside the limits"] if outside else []
    told += [f"{amount(shorter, 'trial')} at less than {fidelity:g} {name}"] if shorter else []
    return f" Not compared: {', '.join(told)}." if told else ""


def _row(front: Front, trial: Trial) -> tuple[object, ...]:
    equals = [str(other.id) for other in front.equals(trial)]
    more = f" and {len(equals) - MOST_EQUALS} more" if len(equals) > MOST_EQUALS else ""
    notes = ["knee"] if trial is front.knee else []
    notes += [f"equal: {', '.join(equals[:MOST_EQUALS])}{more}"] if equals else []
    return trial.id, *(trial.metrics[each.metric] for each in front.objectives), "; ".join(notes)


def _worth(front: Front) -> list[str]:
    from archsmith.core.front import MOST_MEASURED
    from archsmith.core.wording import number

    lines = []
    if front.knee is not None:
        lines.append(f"Knee: trial {front.knee.id} stands out most between the ends of the front.")
    elif len(front.distinct) > 2:
        lines.append("Knee: no trial stands out between the ends of the front.")
    if front.hypervolume is not None:
        lines += [
            f"Hyper-volume: {number(front.hypervolume)} of the box from the ideal point ({_point(front.ideal)})",
            f"to the reference point ({_point(front.reference)}: the worst on the front, moved out by a tenth of the "
            "range, or by 0.1 where there is none).",
        ]
    elif len(front.objectives) > MOST_MEASURED:
        lines.append(f"Hyper-volume: not computed for more than {MOST_MEASURED} objectives.")
    return lines


def _point(values: Mapping[str, float]) -> str:
    from archsmith.core.wording import metric_name, number

    # a reference point falls between whole numbers
    rounded = {metric: float(round(value)) if abs(value) >= 1000 else value for metric, value in values.items()}
    return ", ".join(f"{metric_name(metric)} {number(value)}" for metric, value in rounded.items())
