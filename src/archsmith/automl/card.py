"""The result of a job as a card for a notebook: the score, the compared networks, the drawing."""

from __future__ import annotations

from html import escape
from typing import Any

from archsmith.core import markup
from archsmith.core.wording import amount, clock, end_of_search, metric_name, network_name, remark
from archsmith.graphs.drawing import draw
from archsmith.graphs.graph import Graph

DRAWN_HEIGHT = "28em"  # a higher drawing gets a scroll bar


def card(name: str, result: Any, graph: Graph | None = None) -> str:
    """The card as HTML that loads nothing else.

    ``name``: its title.
    ``result``: a ``FitResult``.
    ``graph``: the network to draw; None: no drawing.
    """
    metric = metric_name(result.metric)
    head, small = "font-size:1.15em;font-weight:600", f"{markup.FAINT};margin:.2em 0"
    score = (
        f"test {metric} {markup.text(result.test)}"
        if result.test is not None
        else f"validation {metric} {markup.text(result.valid)}"
    )
    size = (
        ""
        if result.params is None or result.macs is None
        else f"{amount(result.params, 'parameter')}, {amount(result.macs, 'multiplication')} for one example; "
    )
    budget = f" of {clock(result.budget_seconds)}" if result.budget_seconds else ""
    trials = amount(result.n_trials, "trial")
    rows = [
        (
            network_name(row.name) + (" (exported)" if row.exported else ""),
            row.valid,
            row.test,
            row.params,
            round(row.seconds, 1) if row.seconds else None,
            "" if row.exported else remark(row.to_dict()),
        )
        for row in result.rows
    ]
    columns = ["network", f"validation {metric}", f"test {metric}", "parameters", "seconds", ""]
    if not any(row[-1] for row in rows):
        rows, columns = [row[:-1] for row in rows], columns[:-1]  # type: ignore[misc]
    parts = [
        f'<div style="{head}">{escape(name)}: {score}</div>',
        f'<div style="{small}">{size}{trials} in {clock(result.seconds)}{budget}; '
        f"{escape(end_of_search(result.stop_reason, result.n_trials))}</div>",
        markup.table(rows, columns),
        f'<div style="{small}">{escape(result.why)}</div>',
    ]
    if graph is not None:
        summary = f'<summary style="{markup.FAINT};cursor:pointer">drawing of the network, and its folders</summary>'
        drawing = f'<div style="max-height:{DRAWN_HEIGHT};overflow:auto;display:inline-block">{draw(graph)}</div>'
        parts.append(f"<details>{summary}{drawing}{_places(result)}</details>")
    else:
        parts.append(_places(result))
    style = (
        "font-family:sans-serif;font-size:13px;line-height:1.5;padding:.6em .9em;max-width:60em;"
        "border:1px solid rgba(128,128,128,.35);border-radius:6px"
    )
    return f'<div style="{style}">{"".join(parts)}</div>'


def _places(result: Any) -> str:
    places = f"bundle {escape(result.model_dir)}<br>study {escape(result.study)}"
    return f'<div style="{markup.FAINT};margin-top:.4em">{places}</div>'
