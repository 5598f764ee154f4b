"""The tables of ``archsmith compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def show(compared: Any, files: Sequence[Path]) -> None:
    """One benchmark."""
    from archsmith.analysis.comparison.compared import metric_name
    from archsmith.cli.output import say
    from archsmith.cli.output import show as show_table
    from archsmith.core.wording import sentence_case

    say(compared.verdict, *compared.notes)
    metric = sentence_case(metric_name(compared.metric))
    runs = f"{compared.n_runs} run{'s' if compared.n_runs > 1 else ''}"
    wins = "highest" if compared.maximize else "lowest"
    say("", f"{metric} ({wins} wins) of the {compared.answer} at the end, {runs} on {compared.title}:")
    seconds = "simulated seconds" if compared.simulated else "seconds of trials"
    columns = ("strategy", "mean ± sd", "median", "trials", seconds, "clock seconds")
    show_table(columns, [_numbers(compared, row) for row in compared.rows])
    _show_tests(compared)
    say("", f"Trials until {compared.shown(compared.target)} was reached:")
    if not compared.target_given:
        how = "its front was as good" if compared.answer == "front" else "it tried one as good"
        say(f"({compared.about_target} A run reached it when {how}.)")
    reaches = [(reach.label, f"{reach.n_reached} of {reach.n_runs}", reach.trials) for reach in compared.reaches]
    show_table(("strategy", "reached by", "median trials"), reaches)
    if len(compared.labels) > 1:
        say("", "Share of the pairs of runs in which the strategy of the row ended better than that of the column:")
        show_table(
            ("", *compared.labels),
            [(a, *("·" if a == b else compared.won(a, b) for b in compared.labels)) for a in compared.labels],
        )
    say("", *map(str, files))


def _show_tests(compared: Any) -> None:
    from archsmith.analysis.comparison.compared import effect_size, probability
    from archsmith.cli.output import say
    from archsmith.cli.output import show as show_table

    if not compared.tests:
        return
    say("", f"Against {compared.reference}, run by run (Wilcoxon's signed-rank test; p corrected after Holm):")
    rows = [
        (
            test.label,
            test.better,
            test.worse,
            test.ties,
            compared.difference(test.difference),
            compared.between(test.interval),
            effect_size(test.effect),
            probability(test.p_holm),
        )
        for test in compared.tests
    ]
    gain = "gain" + (f" in {compared.unit}" if compared.unit else "")
    show_table(("strategy", "better", "worse", "ties", gain, "95 % interval", "effect", "p"), rows)
    say("(Gain: the typical difference, above 0 when better. Effect: the share of pairs won less the share lost.)")


def show_across(found: Any, each: Sequence[Any], files: Sequence[Path]) -> None:
    """Several benchmarks: ``found`` over all of them, ``each`` by itself."""
    from archsmith.analysis.comparison.compared import effect_size, probability
    from archsmith.cli.output import say
    from archsmith.cli.output import show as show_table

    say(found.verdict, *found.notes)
    say("", "Mean ranks, 1 is best:")
    ranks = [(row.label, *(f"{rank:.2f}" for rank in (row.mean, *row.ranks))) for row in found.ranked]
    show_table(("strategy", "all", *found.titles), ranks)
    say("", "Pairs (Wilcoxon's signed-rank test; p corrected after Holm):")
    rows = [
        (
            f"{pair.first} – {pair.second}",
            pair.counts,
            effect_size(pair.effect),
            probability(pair.here.p_holm),
            probability(pair.elsewhere.p_holm),
        )
        for pair in found.pairs
    ]
    show_table(("pair", "won, lost, tied", "effect", "p, these", "p, others"), rows)
    say(
        "(Effect: the share of the runs that the first won less the share that it lost. p, these: on these benchmarks, "
        "over runs; p, others: on others of this kind, over benchmarks.)",
        "",
    )
    for compared in each:
        say(f"{compared.title}: {compared.verdict}")
    say("", *map(str, files))


def _numbers(compared: Any, row: Any) -> tuple[object, ...]:
    seconds = round(row.seconds) if row.seconds >= 10 else f"{row.seconds:.2g}"
    median, trials, clock = compared.shown(row.median), round(row.trials), f"{row.wall_seconds:.2f}"
    return row.label, compared.average(row), median, trials, seconds, clock
