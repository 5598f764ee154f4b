from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from archsmith.cli import spaces
from archsmith.testing.toys import Recursive


def test_a_size_that_is_known_is_exact(command: Any) -> None:
    assert command("size", "nasbench201").out == "nasbench201: 15,625 architectures, exactly.\n"
    assert command("size", "nasbench201", "--json").json == {
        "space": "nasbench201",
        "size": 15_625,
        "low": 15_625,
        "high": 15_625,
        "relative_error": 0.0,
        "log10": pytest.approx(4.1938, abs=1e-4),
        "infinite": False,
        "exact": True,
        "n_walks": 0,
    }


def test_a_space_without_an_architecture_says_why(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "barren.py").write_text(
        "from dataclasses import dataclass\nfrom archsmith import DeadEnd, Space\n\n\n@dataclass(frozen=True)\n"
        "class Barren(Space):\n    def decide(self, choose):\n        choose('b', ())\n\n\n@dataclass(frozen=True)\n"
        "class Closed(Space):\n    def decide(self, choose):\n        choose('b', (1, 2))\n"
        "        raise DeadEnd('no way')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    answer = command("size", "barren:Barren")
    assert (
        answer.code == 2
        and "barren:Barren has no architectures." in answer.err
        and "Decision 'b' has no options." in answer.err
    )
    assert "no way. Give every decision an option at least, and let some" in command("size", "barren:Closed").err


def test_a_size_of_more_digits_than_python_writes_is_told_by_its_logarithm(command: Any) -> None:
    words = ("size", "toy_flat", "--set", "space.n_decisions=10000", "--set", "space.n_options=3")
    assert "e+4771 architectures, exactly" in command(*words).out
    found = command(*words, "--json").json
    assert found["size"] is found["low"] is found["high"] is None and found["exact"] and not found["infinite"]
    assert found["log10"] == pytest.approx(10_000 * math.log10(3))


def test_a_space_of_which_no_walk_found_a_point_is_not_called_empty(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rare.py").write_text(
        "from dataclasses import dataclass\nfrom archsmith import Space\n"
        "from archsmith.core.errors import DeadEnd\n\n\n@dataclass(frozen=True)\nclass Rare(Space):\n"
        "    def decide(self, choose):\n        a, b = choose('a', tuple(range(150))), choose('b', tuple(range(150)))\n"
        "        if a < 149 or b < 148:\n            raise DeadEnd('too large')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("archsmith.core.space.MOST_ASKED", 500)
    words = ("size", "rare:Rare", "--walks", "20")
    answer = command(*words, "--count")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "rare:Rare: no architecture was found in 20 random walks.",
        "rare:Rare: 2 architectures, exactly. They were counted.",
    ]
    found = command(*words, "--json").json
    assert (found["size"], found["log10"], found["exact"], found["high"]) == (0, None, False, None)


def test_a_size_that_is_estimated_says_so_with_its_error(command: Any) -> None:
    words = ("size", "toy_conditional", "--set", "space.max_layers=5")
    out = command(*words).out
    assert out.startswith("toy_conditional: about ") and "estimated from 1,000 random walks" in out
    found = command(*words, "--walks", "200", "--json").json
    assert not found["exact"] and found["n_walks"] == 200 and 0 < found["relative_error"] < 0.2
    assert found["low"] < found["size"] < found["high"]


def test_a_size_is_counted_on_request(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.core.space.SMALL", 500)
    words = ("size", "toy_conditional", "--set", "space.max_layers=3", "--count")
    first, last = command(*words).out.splitlines()
    assert "about 1," in first and "estimated" in first
    assert last == "toy_conditional: 1,596 architectures, exactly. They were counted."
    assert command(*words, "--json").json["size"] == 1596


def test_counting_can_be_interrupted(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = 0
    decide = Recursive.decide

    def interrupted(self: Recursive, choose: Any) -> None:
        nonlocal runs
        runs += 1
        if runs > 4500:  # 1,000 walks, then counting
            raise KeyboardInterrupt
        decide(self, choose)

    monkeypatch.setattr(Recursive, "decide", interrupted)
    answer = command("size", "toy_recursive", "--set", "space.depth=4", "--count")
    assert answer.code == 130
    assert "estimated" in answer.out and "Stopped after 3,000 architectures." in answer.err


def test_real_numbers_make_a_space_infinite(command: Any) -> None:
    out = command("size", "toy_mixed").out
    assert out == "toy_mixed: infinitely many architectures. The decision 'dropout' is a real number.\n"
    found = command("size", "toy_mixed", "--json").json
    assert found["infinite"] and found["size"] is None


def test_a_space_that_does_not_exist_is_a_usage_error(command: Any) -> None:
    answer = command("size", "nasbench202")
    assert answer.code == 2 and "nasbench201" in answer.err


def test_counting_says_how_far_it_is(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.status import Status

    shown: list[str] = []
    monkeypatch.setattr("archsmith.core.space.SMALL", 500)
    monkeypatch.setattr(Status, "update", lambda self, text: shown.append(text))
    command("size", "toy_conditional", "--set", "space.max_layers=4", "--count")
    assert len(shown) == 11 and shown[0].startswith("Counted 1,000 so far, about ") and shown[-1].endswith("stops.")


@pytest.mark.parametrize("words", [("size", "pnas"), ("draw", "--space", "nasnet"), ("source", "--space", "nasnet")])
def test_a_setting_that_is_not_of_the_space_is_refused(command: Any, words: tuple[str, ...], tmp_path: Path) -> None:
    bare = command(*words, "--set", "blocks=3")
    assert (bare.code, bare.out) == (2, "") and "such as space.blocks=3." in bare.err
    for kind in ("strategy", "scale"):
        answer = command(*words, "--set", f"{kind}.blocks=3")
        assert (answer.code, answer.out) == (2, "")
        assert f"There is no setting --set {kind}.… here. Settings begin with space." in answer.err
    assert not list(tmp_path.glob("*.svg"))


@pytest.mark.parametrize(
    ("share", "said"), [(0.00123, "0.12 %"), (0.0512, "5.1 %"), (0.124, "12 %"), (0.997, "100 %"), (1.13, "100 %")]
)
def test_a_share_of_an_estimate_is_a_plain_number_of_100_at_most(share: float, said: str) -> None:
    assert spaces._percent(share) == said
