"""A plan in sentences, for a person to read before the job starts."""

from __future__ import annotations

from archsmith.automl.plan import INHERITED, LEAST_TRAINING, OWN, SHARED, Plan
from archsmith.core.wording import amount, clock

BEST = "The best network then trains"


def lines_of(plan: Plan, *, extended: bool = False, spent: float | None = None) -> list[str]:
    """What is going to happen, and how long it takes. ``extended``: of a study that was given more? ``spent``: seconds
    on the study's clock, of one that goes on with the plan that it had.
    """
    if plan.search_end is None or plan.final_end is None:
        return _without_clock(plan)
    final = plan.final_end - plan.search_end
    end = f"{plan.reserve_seconds:.0f} s for test, export and report"
    if spent is not None:
        return [_going_on(plan, plan.search_end - spent, plan.final_end - spent, end)]
    if not plan.searching:
        final = max(LEAST_TRAINING, final)
        why = _why_no_search(plan, extended=extended)
        return [f"{why} The final training takes at most {final:.0f} s; then come {end}."]
    if plan.weights == SHARED:
        shared = "Weights that all architectures share train for most of the search"
        n = max(1, round(plan.forecast_trials))
        scored = f"about {amount(n, 'architecture')} {'is' if n == 1 else 'are'} then scored with them"
        return [f"{shared}; {scored} ({plan.trial_seconds:.1f} s each), then {final:.0f} s of final training, {end}."]
    searching = plan.search_end - plan.elapsed
    if plan.more:
        most = max(LEAST_TRAINING, final + searching)
        return [
            f"There is time for about {amount(max(1, round(plan.forecast_trials)), 'more trial')}: the search goes on "
            f"for at most {searching:.0f} s. {_last(BEST, most, end)}"
        ]
    rest = max(LEAST_TRAINING, final + max(0.0, searching - plan.trial_seconds))
    trials = max(1, round(plan.forecast_trials))
    follow = "; others may follow, and the search may end before its time is over"
    return [
        f"There is time for about {amount(trials, 'trial')}. The first network trains for about "
        f"{plan.trial_seconds:.1f} s{follow * (trials > 1)}. {_last(BEST, rest, end)}"
    ]


def _last(what: str, rest: float, end: str) -> str:
    """Of the training after the search. ``rest``: seconds that it has at most."""
    return f"{what} for what is left, at most {rest:.0f} s; then come {end}."


def _going_on(plan: Plan, searching: float, training: float, end: str) -> str:
    """Of a study that goes on. ``searching``, ``training``: seconds that are left for the search, and until the last
    training ends.
    """
    what = BEST if plan.searching else "The final training then goes on"
    search = f"A search that is not over goes on for at most {searching:.0f} s. " if plan.searching else ""
    if plan.searching and searching < 1:
        search = "The time for the search is over. "
    rest = max(LEAST_TRAINING, training)
    return f"The plan stays as it was. {search}{_last(what, rest, end)}"


def _without_clock(plan: Plan) -> list[str]:
    unless = ", unless the network is a pretrained one" * plan.pooled
    sooner = f"It may end sooner where it no longer gets better{unless}"
    final = f"A final training has at most {_epochs(plan.final_epochs)}. {sooner}."
    if not plan.searching:
        return [f"{_why_no_search(plan)} {final}"]
    if plan.pooled:
        less = ", or less if it inherits weights" if plan.weights == INHERITED else ""
        tried = _epochs(plan.proxy_epochs)
        return [
            f"A network is first tried for about {tried}, perhaps more or fewer by its size{less}. "
            f"What promises most goes on. {final}"
        ]
    trials = {
        OWN: f"Every trial trains for {_epochs(plan.proxy_epochs)}",
        INHERITED: f"Every trial trains for {_epochs(plan.proxy_epochs)}, or less if it inherits weights",
        SHARED: f"All trials share weights, which train for {_epochs(plan.bank_epochs)}",
    }[plan.weights]
    return [f"{trials}. {final}"]


def _why_no_search(plan: Plan, *, extended: bool = False) -> str:
    if plan.failure:
        return f"There is no search. {plan.failure}"
    after = " on the whole study, with what is spent," if extended else ""
    enough = "" if plan.enough_seconds is None else f" A budget of {clock(plan.enough_seconds)}{after} would be enough."
    if plan.weights == SHARED:
        return (
            "The budget is too short for a search with shared weights: they must see all examples once at least, or "
            f"they tell nothing of a network.{enough}"
        )
    slow = f" The shortest training of a network of this space takes about {clock(plan.shortest_seconds)} here."
    return f"The budget is too short for a search.{slow if plan.shortest_seconds >= 1 else ''}{enough}"


def _epochs(n: float) -> str:
    told = f"{n:.2g}" if n < 10 else f"{n:.0f}"
    return f"{told} epoch{'' if told == '1' else 's'}"
