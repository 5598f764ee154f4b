"""Comparisons of strategies: the same problem, budget and seeds for several strategies, each (strategy, seed) a study
of its own, spread over processes.

``<folder>/comparison.json`` holds the plan, ``<folder>/runs/<strategy>-<seed>/`` the log of a run (``events.sqlite``)
and, once it has ended, ``result.json``. Killed at any moment, the same comparison goes on: finished runs are read, a
run that was cut short resumes from its log.

What a run is judged by. A search sees what its trials return (the noisy score of a short training, say); it is judged
by the *true* score of the architecture that it recommends. That is ``evaluator.standing(architecture, metric)`` where
the evaluator knows its whole table, by the metric that ``evaluator.judged_by(metric)`` names, else what the trial
returned. The recommendation is ``strategy.incumbent(history)`` where the strategy has an opinion, else the best by what
was seen; with several objectives it is the whole front.

``<folder>/looks.json`` says when results were shown, and with how many runs.

The files: ``plan`` says what is compared, ``runs`` what came of a search, ``following`` how that is told trial by
trial, ``one_run`` carries out one search, ``workers`` are the processes, ``watching`` tells how far it is, ``looks``
when results were shown, and ``comparison`` puts them together.
"""

from archsmith.runtime.comparison.comparison import Comparison
from archsmith.runtime.comparison.looks import Look
from archsmith.runtime.comparison.plan import Plan, judged_by_of, read_plan, refuse_endless
from archsmith.runtime.comparison.runs import RESULT, RUNS, Run, Step, Values

__all__ = [
    "Comparison",
    "Look",
    "Plan",
    "Run",
    "Step",
    "Values",
    "read_plan",
    "judged_by_of",
    "refuse_endless",
    "RESULT",
    "RUNS",
]
