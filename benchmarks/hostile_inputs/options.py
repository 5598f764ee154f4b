"""Every option of every command with absurd values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hostile_inputs.kit import (
    ANSI,
    DIGITS,
    FIXTURES,
    LABELS,
    LONG,
    Act,
    Case,
    family,
    images,
    words,
)

Made = Callable[[Path], Act]

Made = Callable[[Path], Act]

ABSURD = ("", "-1", "0", "1e999", "nan", "٣", "1_0", "0x10", DIGITS, "../case/x", ANSI, LONG)
STUDY = str(FIXTURES / "search" / "studies" / "search-20261129-040151")

# each command with what it needs, and its options; values are given to them by turns
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fit": (
        ("fit", "@/a.npz", "--workspace", "@/work", "--no-pretrained", "--trials", "1", "--set", "recipe.epochs=1"),
        (
            "--time",
            "--trials",
            "--out",
            "--workspace",
            "--seed",
            "--modality",
            "--space",
            "--strategy",
            "--weights",
            "--workers",
            "--name",
            "--task",
            "--image-column",
            "--target",
            "--side",
            "--pretrained-weights",
            "--device",
            "--memory-mb",
            "--disk-mb",
            "--set",
        ),
    ),
    "predict": (("predict", "%", "@/a.png"), ("--top", "--out", "--image-column")),
    "evaluate": (("evaluate", "%", "@/a.npz"), ("--split", "--image-column", "--target")),
    "search": (
        ("search", "--workspace", "@/work", "--trials", "2"),
        (
            "--space",
            "--strategy",
            "--evaluator",
            "--bench",
            "--bench-file",
            "--dataset",
            "--data",
            "--target",
            "--epochs",
            "--maximize",
            "--minimize",
            "--limit",
            "--trials",
            "--time",
            "--seed",
            "--set",
            "--workers",
            "--name",
            "--workspace",
        ),
    ),
    "compare": (
        (
            "compare",
            "--workspace",
            "@/work",
            "--bench",
            "digits",
            "--trials",
            "2",
            "--runs",
            "1",
            "--strategies",
            "random",
        ),
        (
            "--bench",
            "--evaluator",
            "--space",
            "--strategies",
            "--seconds",
            "--trials",
            "--runs",
            "--seed",
            "--workers",
            "--reference",
            "--target",
            "--report",
            "--maximize",
            "--limit",
            "--set",
            "--out",
            "--name",
        ),
    ),
    "report": (("report", STUDY, "--out", "@/out.html"), ("--out", "--workspace")),
    "draw": (
        ("draw", "nasnet_a", "--out", "@/out.svg"),
        ("--cell", "--depth", "--out", "--trial", "--space", "--seed", "--set", "--workspace"),
    ),
    "source": (("source", "--space", "conv_stages"), ("--out", "--trial", "--space", "--seed", "--set", "--workspace")),
    "catalog": (("catalog",), ()),
    "size": (("size", "nasbench201"), ("--walks", "--set")),
    "doctor": (("doctor",), ("--workspace",)),
    "studies list": (("studies", "list", "--workspace", "@/work"), ("--workspace", "--limit")),
    "studies show": (("studies", "show", STUDY), ("--workspace", "--limit")),
    "studies resume": (("studies", "resume", "s", "--workspace", "@"), ("--time", "--trials", "--workers")),
    "studies stop": (("studies", "stop", "--workspace", "@"), ("--workspace",)),
    "bundles info": (("bundles", "info", "%"), ("--threads",)),
}


def prepared(folder: Path) -> None:
    """The data and the study that the commands above name."""
    from hostile_inputs.kit import picture
    from hostile_inputs.studies import study_copy

    np.savez(folder / "a.npz", images=images(), labels=LABELS)
    (folder / "a.png").write_bytes(picture())
    study_copy(folder)


def with_option(base: tuple[str, ...], option: str, value: str) -> Made:
    made = words(*base, f"{option}={value}")

    def make(folder: Path) -> Act:
        prepared(folder)
        return made(folder)

    return make


def absurd() -> dict[str, Made]:
    made: dict[str, Made] = {}
    turn = 0
    for command, (base, options) in COMMANDS.items():
        for option in options:
            for _ in range(2):
                value = ABSURD[turn % len(ABSURD)]
                shown = repr(value if len(value) < 30 else f"{value[:3]} × {len(value)}")
                made[f"{command} {option} {shown}"] = with_option(base, option, value)
                turn += 1
            turn += 1
    return made


def cases() -> list[Case]:
    return family("options with absurd values", absurd())
