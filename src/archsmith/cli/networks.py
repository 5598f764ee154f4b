"""``archsmith zoo``, ``archsmith draw`` and ``archsmith source``: list the published networks, and draw any network or
write it as PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

STDOUT = "-"

# Which network: the same words for every command that takes one.
What = Annotated[
    str | None,
    typer.Argument(
        help="A name from `archsmith zoo`, a study, the folder of a bundle, or a JSON file with an architecture.  "
        "[default: with --space, a network of the space]",
        show_default=False,
    ),
]
TrialOf = Annotated[
    int | None,
    typer.Option(
        min=0, help="With a study: number of the trial.  [default: the best one; of several objectives, the knee]"
    ),
]
SpaceOf = Annotated[
    str | None, typer.Option(help="Search space of the architecture in the file, or to take a network from.")
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="With --space alone: seed of a random network.  "
        "[default: the network that the space names first; where it names none, a random one]",
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="With --space: setting of it, such as space.n_outputs=100.")
]
WorkspaceOf = Annotated[
    str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
]


def zoo(
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """List the published networks with their parameters and multiply-adds, counted from the graphs."""
    from archsmith.cli.output import emit, show
    from archsmith.graphs.cost import cost
    from archsmith.spaces.zoo import ZOO

    rows = []
    for name, entry in ZOO.items():
        counted = cost(entry.space.graph(entry.architecture))
        rows.append({"name": name, "params": counted.params, "macs": counted.macs, "source": entry.source})
    if json:
        emit(rows)
    else:
        show(("name", "params", "multiply-adds", "source"), [tuple(row.values()) for row in rows])


def draw(
    what: What = None,
    cell: Annotated[
        str | None, typer.Option(help="Draw one cell only, by its kind (NormalCell) or its path (cell3).")
    ] = None,
    network: Annotated[bool, typer.Option("--network", help="Draw the whole network (the default).")] = False,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Levels of detail; deeper ones are drawn as one box.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="SVG file, or - for standard output.  [default: the name of the network]")
    ] = None,
    trial: TrialOf = None,
    space: SpaceOf = None,
    seed: Seed = None,
    settings: Settings = None,
    workspace: WorkspaceOf = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Draw a network, or one of its cells, as an SVG."""
    from pathlib import Path

    from archsmith.cli.output import emit, say
    from archsmith.core.errors import UsageError
    from archsmith.graphs.drawing import draw as svg_of

    if network and cell is not None:
        raise UsageError("--network and --cell exclude each other.", "Give one of them.")
    if json and out == STDOUT:
        raise UsageError("--json and --out - both write to standard output.", "Give a file to --out.")
    if out is not None and Path(out).suffix.lower() not in ("", ".svg"):
        raise UsageError(
            f"A drawing is written as SVG, not as {Path(out).suffix}.",
            f"Give --out {Path(out).with_suffix('.svg')}; browsers and drawing programs turn it into other formats.",
        )
    title, graph = _graph(what, trial, space, seed, settings or [], workspace)
    scope = None if cell is None else find_scope(graph, cell)
    svg = svg_of(
        graph, scope=scope, depth=depth, title=title if scope is None else f"{title}: {graph.scopes[scope].kind}"
    )
    if out == STDOUT:
        say(svg)
        return
    plain = re.sub(r"[^\w.-]+", "_", title)
    path = Path(out or f"{plain}{'' if scope is None else '_' + graph.scopes[scope].kind}.svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg, encoding="utf-8")
    if json:
        emit({"file": str(path), "title": title, "cell": scope})
    else:
        say(f"The drawing is in {path}")


def source(
    what: What = None,
    out: Annotated[str | None, typer.Option(help="Python file, or - for standard output.  [default: -]")] = None,
    trial: TrialOf = None,
    space: SpaceOf = None,
    seed: Seed = None,
    settings: Settings = None,
    workspace: WorkspaceOf = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Write a network as a PyTorch file that needs nothing of Archsmith. Its weights are not trained.

    A bundle has the same for its trained network: network.py.
    """
    from pathlib import Path

    from archsmith.cli.output import emit, say
    from archsmith.core.errors import UsageError
    from archsmith.graphs.cost import cost
    from archsmith.graphs.source import source as source_of

    if json and out in (None, STDOUT):
        raise UsageError("--json and the source both write to standard output.", "Give a file to --out.")
    title, graph = _graph(what, trial, space, seed, settings or [], workspace)
    text = source_of(graph)
    if out in (None, STDOUT):
        say(text.rstrip("\n"))
        return
    path = Path(str(out))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if json:
        counted = cost(graph)
        emit({"file": str(path), "title": title, "params": counted.params, "macs": counted.macs})
    else:
        say(f"The source is in {path}")


def find_scope(graph: Any, wanted: str) -> str:
    """The path of the scope with this path or kind.

    Of several scopes of one kind, it is the first one with the most different inputs, because the first cell of a
    network often gets the same input twice. Raises UsageError if there is no such scope.
    """
    from archsmith.core.errors import UsageError

    if wanted in graph.scopes:
        return wanted
    alike = [path for path, scope in graph.scopes.items() if scope.kind.lower() == wanted.lower()]
    if alike:
        return str(max(alike, key=lambda path: len(set(graph.scopes[path].inputs.values()))))
    kinds = dict.fromkeys(scope.kind for path, scope in graph.scopes.items() if "." not in path)
    raise UsageError(f"This network has no cell {wanted!r}.", f"Its top level has: {', '.join(kinds) or 'none'}.")


def _graph(
    what: str | None, trial: int | None, space: str | None, seed: int | None, settings: list[str], workspace: str | None
) -> tuple[str, Any]:
    """Title and graph of ``what``: a name of the zoo, a file, a bundle or a study, tried in this order. Without it, of
    one network of ``space``.
    """
    from pathlib import Path

    from archsmith.bundle.graph import graph_of_bundle
    from archsmith.core.architecture import Architecture
    from archsmith.core.errors import UsageError
    from archsmith.spaces.zoo import ZOO

    if what is None:
        if space is not None:
            _refuse("a space has no trials", trial=trial)
        return _graph_of_space(space, settings, seed)
    if seed is not None:
        hint = f"Give the space so: --space {what}." if _is_space(what) else "Leave it out, or give --space alone."
        raise UsageError("--seed is for a network of a space.", hint)
    if what in ZOO:
        _refuse(f"{what!r} is a network of the zoo", trial=trial, space=space, settings=settings)
        entry = ZOO[what]
        return what, entry.space.graph(entry.architecture)
    if not what.strip():
        raise UsageError("The name of the network is empty.", "Name one of `archsmith zoo`, a study or a bundle.")
    path = Path(what)
    if path.is_file():
        _refuse(f"{what!r} is a file", trial=trial)
        return path.stem, _network_space(space, settings).graph(Architecture.from_json(_text(path)))
    if (path / "manifest.json").is_file():
        _refuse(f"{what!r} is a bundle", trial=trial, space=space, settings=settings)
        return path.name, graph_of_bundle(path)
    title, graph = _graph_of_study(what, trial, workspace)
    _refuse(f"{what!r} is a study", space=space, settings=settings)
    return title, graph


def _refuse(what_it_is: str, trial: int | None = None, space: str | None = None, settings: Sequence[str] = ()) -> None:
    """Raises UsageError for the first option that was given and would have no effect."""
    from archsmith.core.errors import UsageError

    for option, given, of in (
        ("--trial", trial is not None, "a study"),
        ("--space", space is not None, "a file with an architecture"),
        ("--set", bool(settings), "a space"),
    ):
        if given:
            raise UsageError(f"{option} is for {of}, and {what_it_is}.", "Leave it out.")


def _text(path: Any) -> str:
    """A file with an architecture. Raises DataError for what is no text or far too large."""
    from archsmith.core.files import reading, small_text

    with reading(f"{str(path)!r} cannot be read as text", "Give a JSON file of decisions."):
        return small_text(path)


def _graph_of_space(name: str | None, settings: list[str], seed: int | None) -> tuple[str, Any]:
    """Title and graph of the architecture that a space names first; where it names none, or with a seed, of a random
    one.
    """
    from archsmith.core.errors import UsageError
    from archsmith.core.seeds import generator

    if name is None:
        raise UsageError(
            "There is no network to take.", "Name one of `archsmith zoo`, a study, a bundle or a file; or give --space."
        )
    space = _network_space(name, settings)
    architecture = space.first() if seed is None else None
    if architecture is None:
        architecture = space.sample(generator(seed or 0, "network"))
    return name if seed is None else f"{name} seed {seed}", space.graph(architecture)


def _network_space(name: str | None, settings: list[str]) -> Any:
    from archsmith import catalog
    from archsmith.cli.spaces import settings_of_space
    from archsmith.core.errors import UsageError

    if name is None:
        raise UsageError(
            "A file with an architecture does not name its search space.",
            "Name the space, for instance --space nasnet.",
        )
    return _with_graphs(catalog.build(catalog.get("space", name), settings_of_space(settings)))


def _graph_of_study(what: str, trial: int | None, workspace: str | None) -> tuple[str, Any]:
    import os
    import shlex
    from difflib import get_close_matches

    from archsmith.cli.opened import history_of, open_study
    from archsmith.core.errors import NoStudyError, UsageError
    from archsmith.core.failures import nothing_found
    from archsmith.core.files import json_value, no_such_folder, small_text
    from archsmith.graphs.graph import Graph
    from archsmith.runtime.study_view import read_view
    from archsmith.runtime.workspace import called
    from archsmith.spaces.zoo import ZOO

    try:
        study = open_study(what, workspace)
    except NoStudyError as error:
        near = get_close_matches(what, ZOO, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See `archsmith zoo` and `archsmith studies list`."
        if _is_space(what):
            hint = f"It looks like a search space: give --space {what}."
        if os.path.lexists(what):
            said = no_such_folder(what, "bundle", "manifest.json")
            raise UsageError(f"{said.rstrip('.')}; and it is no study.", hint) from error
        raise UsageError(f"{what!r} is no network of the zoo, no file, no bundle and no study.", hint) from error
    history = history_of(study)
    if not hasattr(history.space, "graph"):
        which = shlex.quote(str(called(study.store.folder)))
        raise UsageError(
            f"The architectures of the study {study.id} are settings, not networks.",
            f"See them with: archsmith studies show {which}",
        )
    if trial is not None and not trial < len(history):
        raise UsageError(f"The study {study.id} has no trial {trial}.", f"It has {len(history)} trials.")
    shown = read_view(study.store.folder).representative if trial is None else history.trials[trial]
    chosen = None if shown is None else history.trials[shown.id]
    exported = study.store.folder / "final" / "graph.json"
    if chosen is None and exported.is_file():  # a job that had no time for a search
        return f"{study.id} exported network", Graph.from_dict(json_value(small_text(exported)))
    if chosen is None:
        if history.finished:
            raise UsageError(
                f"The study {study.id} found no network. {nothing_found(history)}", "Name any trial: --trial 0"
            )
        hint = "Name a trial that is not finished: --trial 0" if len(history) else "See: archsmith studies show"
        raise UsageError(f"The study {study.id} has no finished trial yet.", hint)
    return f"{study.id} trial {chosen.id}", history.space.graph(chosen.architecture)


def _is_space(what: str) -> bool:
    """Does ``what`` read like a search space: a name of the catalogue, or ``module:Class``?"""
    from archsmith import catalog

    return what in catalog.names("space") or re.fullmatch(r"[\w.]+:[\w.]+", what) is not None


def _with_graphs(space: Any) -> Any:
    from archsmith.core.errors import UsageError

    if not hasattr(space, "graph"):
        raise UsageError(f"The space {type(space).__name__} has no networks.", "Name a space of networks.")
    return space
