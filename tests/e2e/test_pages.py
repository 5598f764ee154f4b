"""Every page, light and dark, on a phone and on a wide screen: nothing in the console, nothing that scrolls sideways,
no serious violation that axe-core knows of, and a screenshot for a person to look at.

The pictures lie in ``tests/e2e/screenshots``, which git ignores.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, App, Tab

pytestmark = pytest.mark.slow

PICTURES = Path(__file__).parent / "screenshots"
THEMES, WIDTHS = ("light", "dark"), (360, 1440)
# Of what is told besides the pages: rules that are advice, or that a page cannot keep (see the how-to of the app).
SERIOUS = ("serious", "critical")
SETTLED = 1500  # milliseconds after which a page has drawn its charts
# What a page shows once it is whole, where that takes longer.
WHOLE = {
    "data": ".wall img",
    "study": "main svg:visible, main canvas:visible",
    "search": "img.drawing",
    "network": "[data-viewer] svg",
    "exported": "[data-viewer] svg",
    "difference": "[data-viewer] svg",
}
PAGES = {
    "home": "/",
    "new": "/new",
    "data": "/data/digits",
    "study": "/studies/{job}",
    "search": "/studies/{search}",
    "network": "/studies/{search}/networks/7",
    "exported": "/studies/{job}/networks/exported",
    "difference": "/differences?study={search}&a=3&b=7",
    "lineage": "/studies/{search}/lineage",
    "beliefs": "/studies/{policy}/lineage",
    "model": "/models/{job}",
    "comparisons": "/comparisons",
    "comparison": "/comparisons/{comparison}",
    "nothing": "/studies/nothing",
    "api": "/api/docs",
    "words": "/words",
}


def archsmith(workspace: Path, *words: str) -> Any:
    """What a command says in JSON."""
    command = [sys.executable, "-m", "archsmith", *words, "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "src", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A workspace with one of each: a job, searches of two kinds, and a comparison; by name their ids."""
    place = tmp_path_factory.mktemp("pages") / "workspace"
    job = archsmith(place, "fit", "digits", "--time", "30s", "--out", str(place.parent / "bundle"))
    cells = ("search", "--space", "nasnet", "--evaluator", "cost", "--trials", "30")
    search = archsmith(place, *cells, "--strategy", "evolution", "--set", "strategy.population=8")
    policy = archsmith(place, "search", "--bench", "digits", "--strategy", "tabular", "--trials", "60")
    archsmith(place, "compare", "--bench", "digits", "--runs", "6", "--trials", "20", "--name", "digits")
    archsmith(place, "search", "--trials", "2", "--name", "n" * 79)  # a name without a place where it breaks
    ids = {name: Path(str(said["study"])).name for name, said in (("job", job), ("search", search), ("policy", policy))}
    return {"workspace": place, "comparison": "digits", **ids}


@pytest.fixture(scope="module")
def app(known: dict[str, Any]) -> Iterator[App]:
    started = App(known["workspace"])
    yield started
    started.end()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page(name: str, theme: str, width: int, chromium: Any, app: App, axe: str, known: dict[str, Any]) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    try:
        tab = Tab(context.new_page(), app.address)
        tab.go(PAGES[name].format(**known))
        if name in WHOLE:
            tab.page.wait_for_selector(WHOLE[name], timeout=60_000)
        tab.page.wait_for_timeout(SETTLED)
        PICTURES.mkdir(exist_ok=True)
        tab.page.screenshot(path=str(PICTURES / f"{name}-{theme}-{width}.png"), full_page=True)
        assert tab.page.evaluate("document.body.classList.contains('body--dark')") == (theme == "dark")
        widest = tab.page.evaluate("document.documentElement.scrollWidth")
        assert widest <= width, f"the page is {widest} pixels wide"
        tab.page.evaluate(axe)
        found = tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [told(one) for one in found if one["impact"] in SERIOUS] == []
        # the absent page answers 404, which a browser tells as an error of its own
        assert [said for said in tab.wrong if name != "nothing" or "404" not in said] == []
        assert tab.foreign == []
    finally:
        context.close()


def told(violation: dict[str, Any]) -> str:
    """One violation in a line."""
    nodes = [" ".join(map(str, node["target"])) for node in violation["nodes"][:4]]
    why = re.sub(r"\s+", " ", violation["nodes"][0]["failureSummary"])[:300]
    return f"{violation['id']} ({violation['impact']}): {violation['help']} at {nodes}: {why}"


def test_a_drawing_is_zoomed_and_moved_with_the_keyboard(chromium: Any, app: App, known: dict[str, Any]) -> None:
    context = chromium.new_context(viewport={"width": 800, "height": 900})
    try:
        tab = Tab(context.new_page(), app.address)
        tab.go(f"/studies/{known['search']}/networks/7")
        tab.page.wait_for_selector("[data-canvas] svg")
        width = "document.querySelector('[data-canvas] svg').getBoundingClientRect().width"
        first = tab.page.evaluate(width)
        tab.page.focus("[data-canvas]")
        for _ in range(4):
            tab.page.keyboard.press("+")
        assert tab.page.evaluate(width) > 2 * first
        height = "document.querySelector('[data-canvas]').scrollTop"
        before = tab.page.evaluate(height)
        tab.page.keyboard.press("ArrowDown")
        tab.page.wait_for_function(f"{height} > {before}")
        tab.page.keyboard.press("0")
        assert tab.page.evaluate(width) == pytest.approx(first)
        tab.page.get_by_role("button", name="Larger").first.click()
        assert tab.page.evaluate(width) == pytest.approx(1.25 * first, rel=0.01)
        tab.page.get_by_text("As PyTorch source").click()
        tab.page.get_by_role("button", name="Show the source").click()
        tab.page.get_by_text("class Network(nn.Module)").wait_for(timeout=60_000)
        assert tab.wrong == []
    finally:
        context.close()
