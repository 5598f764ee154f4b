from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from archsmith.bundle.graph import graph_of, graph_of_bundle
from archsmith.bundle.manifest import read
from archsmith.core.errors import UsageError
from archsmith.graphs.cost import cost

BUNDLE = Path(__file__).parents[1] / "fixtures" / "v1" / "bundle_classes"


def changed(**search: object) -> object:
    manifest = read(BUNDLE)
    facts = dataclasses.replace(manifest.facts, search={**manifest.facts.search, "graph": None, **search})
    return graph_of(dataclasses.replace(manifest, facts=facts), "one")


def test_the_graph_is_that_of_the_network() -> None:
    assert cost(graph_of_bundle(BUNDLE)).params == read(BUNDLE).params


def test_a_graph_that_is_kept_as_it_is_comes_first() -> None:
    known = graph_of_bundle(BUNDLE)
    assert changed(graph=known.to_dict(), space_spec="nonsense") == known


def test_a_bundle_that_does_not_tell() -> None:
    with pytest.raises(UsageError, match="'one' does not name its search space"):
        changed(space_spec=None)


@pytest.mark.parametrize(
    "spec", [{"type": "os:system"}, {"type": "nonsense"}, {"type": "conv_stages", "args": {"x": 1}}]
)
def test_a_damaged_one_is_refused_and_runs_nothing(spec: object) -> None:
    with pytest.raises(UsageError):
        changed(space_spec=spec)
