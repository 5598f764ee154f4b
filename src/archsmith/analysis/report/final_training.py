"""How the networks that were trained in full learnt: their learning curves."""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.analysis.report import figures
from archsmith.analysis.report.figures import Points
from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.study import Study
from archsmith.analysis.wording import epochs, is_share, metric_name, points, score, sentence_case, the_network
from archsmith.core.wording import HARDLY

LATE = 0.75  # of the training; what comes after it is its end
POINTS = 3  # a curve with fewer says nothing of what comes next
GAIN = 0.005  # of a share, in the end of the training, which is next to nothing


@dataclass(frozen=True)
class Curve:
    """How one network learnt.

    name: of the network
    scores: (epoch, score on the validation split)
    losses: (epoch, training loss)
    exported: is it the network in the bundle?
    """

    name: str
    scores: Points
    losses: Points
    exported: bool

    @property
    def style(self) -> tuple[str, bool]:
        """The colour of its line, and whether it is dashed."""
        return figures.network_style(self.name)


@dataclass(frozen=True)
class Curves:
    """Learning curves, that of the exported network first."""

    lead: str
    curves: tuple[Curve, ...]

    @property
    def scored(self) -> tuple[Curve, ...]:
        """Those whose scores are drawn."""
        return tuple(curve for curve in self.curves if len(curve.scores) > 1)

    @property
    def learnt(self) -> tuple[Curve, ...]:
        """Those whose losses are drawn."""
        return tuple(curve for curve in self.curves if len(curve.losses) > 1)


def curves_of(study: Study) -> Curves | None:
    """None where no network was trained in full, or nothing was noted of it."""
    exported = (study.exported or {}).get("name")
    curves = []
    for name, rows in study.curves.items():
        scores, losses = (
            tuple((epoch, float(metrics[key])) for epoch, metrics in rows if metrics.get(key) is not None)
            for key in (study.metric, "train_loss")
        )
        if scores or len(losses) > 1:
            curves.append(Curve(name, scores, losses, name == exported))
    if not curves:
        return None
    curves.sort(key=lambda curve: (not curve.exported, curve.name))
    return Curves(_lead(study, curves[0], words_of(study)), tuple(curves))


def _lead(study: Study, curve: Curve, words: Words) -> str:
    name, data = the_network(curve.name), curve.scores
    each = f"An epoch is one round through all training {words.many}."
    if len(data) < 2:
        last = curve.losses[-1][0] if curve.losses else data[-1][0]
        return f"{sentence_case(name)} was trained for {epochs(last)}. {each}"
    (start_epoch, start), (end_epoch, end) = data[0], data[-1]
    before, after = (score(study.metric, value) for value in (start, end))
    went = f"began and ended at {after}" if before == after else f"went from {before} to {after}"
    if {score(study.metric, value) for _, value in data} == {after}:
        went = f"stayed at {after}"
    since, until = (epochs(epoch).partition(" ")[0] for epoch in (start_epoch, end_epoch))
    what = f"From epoch {since} to epoch {until} {name} {went} on the validation split."
    text = f"{what} {_kept(study, curve)}{each}"
    if end_epoch < HARDLY:
        return f"{text} That is hardly trained, so this curve does not say what longer training would bring."
    if len(data) < POINTS:
        return text
    late = [value for epoch, value in data if epoch <= LATE * end_epoch]
    if not late or not is_share(study.metric):
        return text
    gain = end - max(late)
    if gain < -GAIN:
        reached = score(study.metric, max(late))
        return text + f" It had reached {reached} before the last quarter."
    if gain <= GAIN:
        return text + " The last quarter brought next to nothing."
    return text + f" The last quarter brought {points(gain)}."


def _kept(study: Study, curve: Curve) -> str:
    """Of a training that was clearly better before its end: what of it is exported."""
    after = finite((study.exported or {}).get("epochs"))
    if not curve.exported or after is None or after > 0.999 * curve.scores[-1][0]:
        return ""
    return f"What is exported is its state after {epochs(after)}. "


def drawings(study: Study, facts: Curves) -> dict[str, str]:
    """Scores and losses over the epochs."""
    scored, learnt = facts.scored, facts.learnt
    drawn = {}
    if scored:
        values = [value for curve in scored for _, value in curve.scores]
        y = figures.score_axis(values, study.metric, figures.score_label(study.metric, True))
        title = f"{metric_name(study.metric)} on the validation split over the epochs"
        names = [curve.name for curve in scored]
        drawn["scores"] = figures.over_epochs([curve.scores for curve in scored], names, y, title)
    if learnt:
        names = [curve.name for curve in learnt]
        drawn["losses"] = figures.losses_over_epochs([curve.losses for curve in learnt], names)
    return drawn


def terms(facts: Curves, words: Words) -> tuple[Term, ...]:
    explained = (
        "What training makes smaller: how badly the network predicts the training split, as one number. "
        "A loss that falls while the validation score stands still means that the network only memorises."
    )
    return (("training loss", explained),)


SECTION = Section("final-training", "How the final training went", curves_of, drawings, terms, "final_training")
