"""Arguments and settings that nobody means: names, paths, modules, values, scales."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostile_inputs.kit import (
    ANSI,
    CANARY,
    DEEP,
    DIGITS,
    LONG,
    Act,
    Case,
    family,
    words,
)

Made = Callable[[Path], Act]

Made = Callable[[Path], Act]

ARGUMENTS = {
    "nothing": (),
    "an empty word": ("",),
    "a command of escapes": (ANSI,),
    "a command of 5,000 letters": (LONG,),
    "an option of nobody": ("--nope",),
    "a help of nobody": ("nope", "--help"),
    "two dashes": ("--",),
    "a module of nothing": ("--import", "", "zoo"),
    "a module above": ("--import", ".x", "zoo"),
    "a module and a class": ("--import", "os:system", "zoo"),
    "a module of escapes": ("--import", ANSI, "zoo"),
    "a module of 5,000 letters": ("--import", LONG, "zoo"),
    "a module of dots": ("--import", "...", "zoo"),
    "a module that is a path": ("--import", "/etc/passwd", "zoo"),
    "a module of digits": ("--import", "1", "zoo"),
    "fit of nothing": ("fit", ""),
    "fit of 5,000 letters": ("fit", LONG),
    "fit of escapes": ("fit", ANSI),
    "fit of an address": ("fit", "http://127.0.0.1:9/a.csv"),
    "fit of S3": ("fit", "s3://a/b.csv"),
    "fit of a star": ("fit", "*"),
    "fit of a dash": ("fit", "-"),
    "fit of an option": ("fit", "--", "--time"),
    "fit of the home of nobody": ("fit", "~nobody123/x"),
    "fit of a pipe of the shell": ("fit", "|touch x"),
    "draw of 5,000 letters": ("draw", LONG),
    "draw of nothing": ("draw", ""),
    "draw of escapes": ("draw", ANSI),
    "draw of a path above": ("draw", "../" * 50),
    "source of 5,000 letters": ("source", LONG),
    "draw of a class": ("draw", "--space", "archsmith.core.space:Space"),
    "draw of no class": ("draw", "--space", ":"),
    "draw of a class above": ("draw", "--space", "..x:Y"),
    "draw of a function": ("draw", "--space", "os:system"),
    "draw of a foreign module": ("draw", "--space", "antigravity_nope:X"),
    "draw of a class of int": ("draw", "--space", "builtins:int"),
    "size of nothing": ("size", ""),
    "size of 5,000 letters": ("size", LONG),
    "size of escapes": ("size", ANSI),
    "size of a class of ours": ("size", "archsmith.core.problem:Problem"),
    "size of dict": ("size", "builtins:dict"),
    "catalog of nothing": ("catalog", ""),
    "catalog of escapes": ("catalog", ANSI),
    "catalog of 5,000 letters": ("catalog", LONG),
    "report of nothing": ("report", ""),
    "report of 5,000 letters": ("report", LONG),
    "report of escapes": ("report", ANSI),
    "report of a path above": ("report", "../../../etc"),
    "studies of a star": ("studies", "show", "*"),
    "studies of 5,000 letters": ("studies", "show", LONG),
    "resume of nothing": ("studies", "resume", ""),
    "stop of 5,000 letters": ("studies", "stop", LONG),
    "bundles of nothing": ("bundles", "info", ""),
    "bundles of 5,000 letters": ("bundles", "info", LONG),
    "bundles of escapes": ("bundles", "info", ANSI),
    "predict with 5,000 letters": ("predict", LONG, "a.png"),
    "predict of 5,000 letters": ("predict", "%", LONG),
    "predict of nothing": ("predict", "%", ""),
    "predict of escapes": ("predict", "%", ANSI),
    "predict of 2,000 files": ("predict", "%", *["nope.png"] * 2000),
    "evaluate on nothing": ("evaluate", "%", ""),
    "evaluate on 5,000 letters": ("evaluate", "%", LONG),
    "a surrogate": ("fit", "\ud800"),
    "bytes that are no text": ("fit", "\udcff\udcfe"),
    "bytes that are no text, drawn": ("draw", "\udcff"),
    "bytes that are no text, shown": ("studies", "show", "\udcff"),
    "bytes that are no text, predicted": ("predict", "%", "\udcff.png"),
}

SETTINGS = {
    "nothing": "",
    "no equals": "strategy.population",
    "no dot": "x=1",
    "dots": "....=1",
    "an empty name": ".x=1",
    "a dunder": "space.__class__=1",
    "deep brackets": f"space.blocks={DEEP[:60_000]}",
    "5,000 digits": f"space.blocks={DIGITS}",
    "10**400": "space.blocks=1" + "0" * 400,
    "NaN": "space.blocks=NaN",
    "infinity": "space.blocks=Infinity",
    "a spec of code": f'space.recipe={{"type": "{CANARY}:Trap", "args": {{}}}}',
    "a list": "space.blocks=[1]",
    "a mapping": 'space.blocks={"x": 1}',
    "null": "space.blocks=null",
    "truth": "space.blocks=true",
    "escapes": f"space.{ANSI}=1",
    "5,000 letters": f"space.{LONG}=1",
    "minus one": "space.blocks=-1",
    "10**9": "space.blocks=1000000000",
    "zero": "space.blocks=0",
    "a text": "space.blocks=many",
    "dots in dots": "space" + ".x" * 5000 + "=1",
    "a fraction": "space.blocks=1.5",
}
SPACES = ("nasnet", "conv_stages", "grammar", "darts", "enas_macro")
SPACE_SETTINGS = {
    "input_shape of nothing": "space.input_shape=[]",
    "input_shape of zeros": "space.input_shape=[0,0,0]",
    "input_shape below nothing": "space.input_shape=[-3,-8,-8]",
    "input_shape of 10**9": "space.input_shape=[3,1000000000,1000000000]",
    "input_shape of texts": 'space.input_shape=["a","b","c"]',
    "input_shape of ten axes": "space.input_shape=[1,1,1,1,1,1,1,1,1,1]",
    "n_outputs of nothing": "space.n_outputs=0",
    "n_outputs below nothing": "space.n_outputs=-1",
    "n_outputs of 10**12": "space.n_outputs=1000000000000",
    "n_outputs of truth": "space.n_outputs=true",
    "a scale of 10**9": "space.scale.filters=1000000000",
    "a scale of minus one": "space.scale.filters=-1",
    "a scale of nothing": "space.scale.filters=0",
    "a scale of a text": "space.scale=x",
    "a scale of a list": "space.scale=[1,2]",
    "a scale of 10**9 cells": "space.scale.cells=1000000000",
}


def spaces() -> dict[str, Made]:
    made: dict[str, Made] = {}
    for i, (name, text) in enumerate(SPACE_SETTINGS.items()):
        for space in (SPACES[i % 5], SPACES[(i + 2) % 5]):
            made[f"{space}, {name}"] = words(
                "draw", "--space", space, "--seed", "1", "--out", "@/out.svg", "--set", text
            )
    return made


def cases() -> list[Case]:
    settings = {name: words("size", "pnas", f"--set={text}") for name, text in SETTINGS.items()}
    return [
        *family("arguments", {name: words(*given) for name, given in ARGUMENTS.items()}),
        *family("settings", settings | spaces()),
    ]
