"""``/studies/{study}/networks/{name}``: one network of a study, drawn, with its facts beside it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from nicegui import ui

from archsmith.analysis.axes import from_zero
from archsmith.analysis.charts import Dots, Layer, Line, both, plot
from archsmith.analysis.report.figures import score_axis
from archsmith.analysis.wording import NB, amount, rounded
from archsmith.app.drawings import Drawn
from archsmith.app.house import House
from archsmith.app.networks import EXPORTED, Curve, Network
from archsmith.app.pages import network_parts as parts
from archsmith.app.pages.frame import Words, box, frame, sheet
from archsmith.app.pages.pieces import starting
from archsmith.core.errors import ArchsmithError
from archsmith.server.refusals import Refusal

AT_FIRST = 2.0  # seconds that the page waits for the drawing before it is sent without
LOOK = 0.3  # seconds between two looks at a drawing that takes longer
MOST_DECISIONS = 300
FEW_DECISIONS = 24  # that are shown without a click
BYTES = 4  # of a parameter


def mount(house: House) -> None:
    """Make the page known."""

    @ui.page("/studies/{study}/networks/{name}", response_timeout=90.0)
    async def network(study: str, name: str) -> None:
        ui.add_head_html(parts.SCRIPT)
        found = await asyncio.to_thread(house.networks.get, study, name)
        drawing = asyncio.create_task(asyncio.to_thread(house.networks.drawn, study, name))
        await asyncio.wait({drawing}, timeout=AT_FIRST)
        title = f"{found.title} of {study}" if name != EXPORTED else f"{found.title}, exported by {study}"
        with frame(title, style="network", twin=parts.network_path(study, name)):
            parts.back(study)
            _beside(found)
            _facts(found)
            with sheet("Its drawing"):
                _drawing(house, found, drawing)
            _decisions(found)
            if found.curve is not None:
                _curve(found.curve)


def _beside(found: Network) -> None:
    """The way to the networks beside it in the ranking."""
    if found.place is None:
        return
    with box("nav", "row", 'aria-label="Ranking"'):
        for words, trial in (("← before it: trial {}", found.previous), ("next: trial {} →", found.next)):
            if trial is not None:
                parts.link(words.format(trial), parts.network_path(found.study, trial))
        place = "the best" if found.place == 1 and not found.n_equal else f"place {found.place:,}"
        equal = f", as good as {amount(found.n_equal, 'other')}" if found.n_equal else ""
        Words("span", parts.text(f"{place} of {found.ranked}{equal}"), "faint")


def _facts(found: Network) -> None:
    with sheet("What is known of it"):
        if found.error:
            Words("p", parts.text(found.error), "failed")
        rows = [("state", found.state)]
        rows += [(fact.name, fact.text) for fact in (*found.scores, *found.facts)]
        parts.facts(rows)
        if found.beyond:
            Words("p", parts.text(found.beyond))
        _family(found)
        if found.n_others:
            _against(found)
        if found.has_history:
            with box("p"):
                parts.link("How the search came to its best", f"/studies/{quote(found.study, safe='')}/lineage")


def _family(found: Network) -> None:
    """Parents and children, each with a link."""
    for words, trials, n in (
        ("Goes on from" if found.goes_on else "Made from", found.parents, len(found.parents)),
        ("Its training goes on in:", found.further, len(found.further)),
        ("Others made from it:", found.children, found.n_children),
    ):
        if trials:
            with box("p"):
                Words("span", f"{words} ")
                for i, trial in enumerate(trials):
                    Words("span", ", " if i else "")
                    parts.link(f"trial {trial}", parts.network_path(found.study, trial))
                if n > len(trials):
                    Words("span", f" and {n - len(trials):,} more")


def _against(found: Network) -> None:
    """Compare it with another trial."""
    with box("form", "row", 'action="/differences" method="get"'):
        for name, value in (("study", found.study), ("a", found.name)):
            with box("input", props='type="hidden"') as hidden:
                hidden._props.update(name=name, value=value)
        with box("label", props='for="other"'):
            Words("span", "Compare with trial")
        first = found.parents[0] if found.parents else found.previous if found.previous is not None else found.next
        other = box("input", props='id="other" name="b" type="number" min="0" required inputmode="numeric"')
        starting(other, "" if first is None else first)
        Words("button", "Compare", "second", 'type="submit"')


def _drawing(house: House, network: Network, drawing: asyncio.Task[Drawn]) -> None:
    """What was drawn; where that takes longer, the place fills once it is there."""
    place = box("div", props='aria-live="polite"')
    if drawing.done():
        with place:
            _drawn(house, network, drawing)
        return
    with place:
        Words("p", "The network is being drawn …", "faint")

    def look() -> None:
        if drawing.done():
            timer.cancel()
            place.clear()
            with place:
                _drawn(house, network, drawing)

    timer = ui.timer(LOOK, look)


def _drawn(house: House, network: Network, drawing: asyncio.Task[Drawn]) -> None:
    try:
        found = drawing.result()
    except (ArchsmithError, Refusal) as error:
        Words("p", parts.text(f"There is no drawing. {error.message}"))
        if error.hint:
            Words("p", parts.text(error.hint), "faint")
        return
    parts.facts(counts(found))
    whole, *cells = found.pictures
    Words("h3", parts.text(whole.title))
    parts.viewer(whole.title, whole.svg, "n0")
    with box("div", "columns"):
        for i, picture in enumerate(cells, start=1):
            with box("div"):
                Words("h3", parts.text(picture.title))
                parts.viewer(picture.title, picture.svg, f"n{i}", told=False)
    _source(house, network)


def counts(found: Drawn) -> list[tuple[str, str]]:
    """What a network costs, as text."""
    return [
        ("parameters", rounded(found.params)),
        ("multiply-adds", rounded(found.macs)),
        ("its parameters take", _megabytes(BYTES * found.params)),
        ("training keeps, one example", _megabytes(found.saved_bytes)),
        ("operations", f"{found.n_operations:,}"),
    ]


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.3g}{NB}MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.3g}{NB}kB"


def _source(house: House, found: Network) -> None:
    """The network as PyTorch, written when it is asked for."""
    with box("details"):
        Words("summary", "As PyTorch source, not trained")
        place = box("div", props='aria-live="polite"')

        async def write() -> None:
            button.props("disabled")
            try:
                text = await asyncio.to_thread(house.networks.source, found.study, found.name)
            except (ArchsmithError, Refusal) as error:
                with place:
                    Words("p", parts.text(error.message), "failed")
                return
            button.delete()
            with place:
                address = f"/api/v1{parts.network_path(found.study, found.name)}/source"
                parts.link("Download network.py", address, "button second")._props["download"] = "network.py"
                with box("pre", props='tabindex="0" aria-label="Source of the network"'):
                    Words("code", text)

        with place:
            button = Words("button", "Show the source", "second", 'type="button"')
            button.on("click", write)


def _decisions(found: Network) -> None:
    if not found.decisions:
        return
    with sheet("Its decisions"):
        rows = [(parts.path_of(fact.name), fact.text) for fact in found.decisions[:MOST_DECISIONS]]
        with box("details", props="open" if len(rows) <= FEW_DECISIONS else ""):
            Words("summary", f"{len(found.decisions):,} decisions")
            parts.table(("decision", "answer"), rows, "Decisions of the network", numbers=False)
        if len(found.decisions) > len(rows):
            with box("p"):
                parts.link("All of them as JSON", f"/api/v1/studies/{quote(found.study)}/networks/{found.name}")


def _curve(curve: Curve) -> None:
    with sheet("How it learnt"):
        x = from_zero(curve.unit, [at for at, _ in curve.points])
        y = score_axis([value for _, value in curve.points], curve.name, curve.metric, curve.most)
        one = curve.unit.removesuffix("s")
        dots = [(at, value, f"{one} {at:.4g}: {y.show(value)}") for at, value in curve.points]
        layers: list[Layer] = [
            Line(curve.points, "c1"),
            *([Dots(dots, "c1", "circle", 2.5)] if len(dots) <= 60 else []),
        ]
        parts.chart(both(lambda size: plot(size, x, y, layers, f"{curve.metric} over {curve.unit}")))
