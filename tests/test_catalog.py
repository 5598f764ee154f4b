import dataclasses
import importlib.metadata
import inspect
import json
import sys
import typing
from dataclasses import dataclass, field

import pytest

from archsmith import catalog
from archsmith.automl.modality import modality_of
from archsmith.automl.settings import FitSettings
from archsmith.cli import catalog as cli
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.evaluators.table import TableEvaluator, TableSpace
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.evaluators.wrappers import Cached, Noisy
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.recipe import ImageRecipe
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.race import Race
from archsmith.strategies.tabular import TabularReinforce
from archsmith.testing.toys import Flat, ToyEvaluator
from archsmith.training.recipe import Recipe


@pytest.mark.parametrize("kind", catalog.kinds())
def test_every_row_can_be_loaded(kind):
    for name in catalog.names(kind):
        assert catalog.short_name(catalog.get(kind, name)) == name


@pytest.mark.parametrize(
    "thing",
    [
        Flat(3, 2),
        RegularizedEvolution(population=7),
        Noisy(ToyEvaluator(metrics=("a", "b")), 0.5),
        Cached(TableEvaluator("digits"), TableSpace("digits")),  # both are called table
        Race(inner=TabularReinforce()),  # there is a space called tabular, too
        ConvStages((1, 8, 8), n_outputs=3, recipe=ImageRecipe(), scale=ConvStagesScale(8)),
    ],
)
def test_specs_round_trip(thing):
    assert catalog.from_spec(catalog.to_spec(thing)) == thing


def test_equal_things_have_the_same_text():
    """Whole numbers stand where floats belong in much that people write, and a name made of the text must not depend on
    it.
    """
    given = TrainingEvaluator(ConvStages(max_work=3), "data", recipe=Recipe(epochs=5), memory_mb=800)
    again = catalog.from_spec(json.loads(json.dumps(catalog.to_spec(given))))
    assert again == given and json.dumps(catalog.to_spec(again)) == json.dumps(catalog.to_spec(given))
    assert catalog.to_spec(given)["args"]["n_train"] is None and '"batch_size": 128,' in json.dumps(
        catalog.to_spec(given)
    )


def test_module_and_class_work_in_place_of_a_name():
    assert catalog.get("space", "archsmith.testing.toys:Flat") is Flat


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("space", "nasnt", "Did you mean 'nasnet'"),
        ("spaces", "nasnet", "no kind 'spaces'"),
        ("space", "os:path", "no class 'path'"),
        ("space", "no_such_module:Space", "cannot be imported"),
        ("strategy", "xyzzy", "Known: random, evolution, local"),
    ],
)
def test_wrong_names_get_a_hint(kind, name, words):
    with pytest.raises(UsageError, match=words):
        catalog.get(kind, name)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(catalog.EXTRA_OF, "no_such_module", "train")
    with pytest.raises(MissingExtraError, match=r"archsmith\[train\]"):
        catalog.get("space", "no_such_module:Space")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"populaton": 5}, "Did you mean 'population'"),
        ({"start": 3}, "start cannot be 3"),
        ({"population": 0}, "population"),
    ],
)
def test_wrong_settings_name_the_field(args, words):
    with pytest.raises(UsageError, match=words):
        catalog.build(RegularizedEvolution, args)


@dataclass(frozen=True)
class Deep:
    depth: int = 1
    sizes: tuple[int, ...] = (1, 2)
    metrics: tuple[str, ...] | None = None

    def __post_init__(self):
        if self.depth < 1:
            raise ValueError("The depth is above 0.")


def test_what_the_code_of_a_class_refuses_is_a_sentence_that_names_it():
    with pytest.raises(UsageError, match=r"^Deep cannot be built: ValueError: The depth is above 0\. The traceback"):
        catalog.build(Deep, {"depth": 0})


@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({"metrics": "error"}, '["error"]'),
        ({"metrics": "error,size"}, '["error", "size"]'),
        ({"metrics": "('error',)"}, '["error"]'),
        ({"sizes": "(3, 4)"}, "[3, 4]"),
    ],
)
def test_a_text_in_place_of_a_list_is_told_the_form_that_works(args, listed):
    (name,) = args
    with pytest.raises(UsageError, match=rf"^Deep\.{name} cannot be ") as caught:
        catalog.build(Deep, args)
    setting = caught.value.hint.partition("--set '")[2].rstrip(".'")
    assert setting == f"KIND.{name}={listed}"
    given = catalog.parse_settings([setting])["KIND"]
    assert list(getattr(catalog.build(Deep, given), name)) == json.loads(listed)


@dataclass
class Holding:
    thing: object = field(default_factory=object)


def test_an_annotation_that_only_type_checkers_can_read_is_any(tmp_path, monkeypatch):
    (tmp_path / "checked_only.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from pathlib import Path\n\n\n@dataclass(frozen=True)\nclass Mine:\n"
        '    folder: Path | str = "."\n    sizes: tuple[int, ...] = (1,)\n    rate: float = 0.1\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    cls = catalog.get("evaluator", "checked_only:Mine")
    built = catalog.build(cls, {"folder": "there", "sizes": [2, 3], "rate": 1})
    assert (built.folder, built.sizes) == ("there", (2, 3)) and catalog.from_spec(catalog.to_spec(built)) == built
    with pytest.raises(UsageError, match=r"^Mine\.rate cannot be 'fast'"):
        catalog.build(cls, {"rate": "fast"})


def test_what_cannot_be_written_down_is_refused():
    with pytest.raises(UsageError, match=r"Holding\.thing holds a object"):
        catalog.to_spec(Holding())
    with pytest.raises(UsageError, match="not a dataclass"):
        catalog.to_spec(print)


def test_settings_are_parsed_with_their_nesting():
    pairs = ["strategy.population=50", "space.scale.filters=8", "space.name=x", "recipe.flip=true"]
    assert catalog.parse_settings(pairs) == {
        "strategy": {"population": 50},
        "space": {"scale": {"filters": 8}, "name": "x"},
        "recipe": {"flip": True},
    }


def test_a_label_is_one_name_whatever_dots_it_has():
    labels = ("lr0", "lr0.1", "random")
    pairs = ["strategy.lr0.1.rate=0.1", "strategy.lr0.rate=0.2", "strategy.lr0.1.net.width=3", "evaluator.lr0.1=4"]
    assert catalog.parse_settings(pairs, labels=labels) == {
        "strategy": {"lr0.1": {"rate": 0.1, "net": {"width": 3}}, "lr0": {"rate": 0.2}},
        "evaluator": {"lr0": {"1": 4}},
    }


def test_a_setting_may_be_written_as_the_catalogue_shows_it():
    given = catalog.parse_settings(["evaluator.noisy=True", "space.auxiliary=False", "strategy.seed=None"])
    assert given == {"evaluator": {"noisy": True}, "space": {"auxiliary": False}, "strategy": {"seed": None}}


@pytest.mark.parametrize("pair", ["population=5", "strategy.", "strategy.population", "=5", ".x=5", "a..b=1"])
def test_what_is_no_setting(pair):
    with pytest.raises(UsageError, match="not a setting"):
        catalog.parse_settings([pair])


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000])
def test_a_value_that_no_parser_reads_is_refused(value):
    with pytest.raises(UsageError, match=r"value of --set space\.x cannot be read"):
        catalog.parse_settings([f"space.x={value}"])


def test_a_part_and_the_whole_of_one_setting_exclude_each_other():
    with pytest.raises(UsageError, match="as a whole"):
        catalog.parse_settings(["space.scale=1", "space.scale.filters=2"])


# What somebody sent


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module that can be found, and leaves a trace when it is imported."""
    trace = tmp_path / "trace"
    (tmp_path / "a_trap.py").write_text(
        f"from dataclasses import dataclass\nopen({str(trace)!r}, 'w').close()\n"
        "@dataclass\nclass Space:\n    n: int = 1\ndef score(architecture):\n    return 1.0\n"
    )
    (tmp_path / "a-trap.py").write_text((tmp_path / "a_trap.py").read_text())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog, "_admitted", set())
    yield trace
    sys.modules.pop("a_trap", None)


SENT = (
    {"type": "a_trap:Space", "args": {"n": 2}},
    {"type": "a-trap:Space", "args": {}},  # a module that only importlib can import
    {"type": "archsmith.evaluators.wrappers:Noisy", "args": {"evaluator": {"type": "a_trap:Space", "args": {}}}},
    {"type": "function", "args": {"function": "a_trap:score"}},
    {"type": "cached", "args": {"evaluator": {"type": "function", "args": {"function": "a_trap:score"}}}},
    {"type": "function", "args": {"function": "os:system"}},
    {"type": "subprocess:Popen", "args": {"args": "true"}},
)


@pytest.mark.parametrize("spec", SENT, ids=str)
def test_a_spec_that_somebody_sent_imports_and_calls_nothing(trap, spec):
    with pytest.raises(UsageError, match="code that Archsmith does not bring along"):
        catalog.from_spec(spec)
    assert not trap.exists() and "a_trap" not in sys.modules


def test_a_module_is_taken_once_a_person_has_named_it(trap):
    catalog.admit("a_trap")
    assert catalog.from_spec(SENT[0]).n == 2 and trap.exists()
    assert catalog.from_spec(SENT[3]).function == "a_trap:score"
    assert catalog.admitted({"parts": [SENT[0], SENT[5]]}) == ["a_trap"]


@pytest.mark.parametrize("name", ["a_trap:Space", "function"])
def test_what_was_built_here_can_be_rebuilt_here(trap, name):
    thing = catalog.build(catalog.get("evaluator", name), {"function": "a_trap:score"} if name == "function" else {})
    assert catalog.from_spec(catalog.to_spec(thing)) == thing


def test_a_module_that_is_not_there_is_said():
    with pytest.raises(UsageError, match="'no_such_module' cannot be imported"):
        catalog.admit("no_such_module")


def test_a_class_that_is_imported_already_may_be_named(monkeypatch):
    monkeypatch.setattr(catalog, "_admitted", set())
    assert catalog.from_spec({"type": f"{__name__}:Holding", "args": {"thing": 1}}) == Holding(1)


# Plug-ins of other packages


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """``plugged({"archsmith.space": {"mine": "a_plugin:Space"}})`` installs entry points, and a module with a class."""
    (tmp_path / "a_plugin.py").write_text(
        "from dataclasses import dataclass\nfrom archsmith.core.space import Space as Base\n"
        '@dataclass(frozen=True)\nclass Space(Base):\n    """Mine."""\n\n    n: int = 2\n\n'
        "    def decide(self, choose):\n        choose('x', tuple(range(self.n)))\n"
    )
    (tmp_path / "broken_plugin.py").write_text("def (\n")
    (tmp_path / "needy_plugin.py").write_text("import not_installed.part\n")
    monkeypatch.syspath_prepend(tmp_path)

    def install(groups):
        points = importlib.metadata.EntryPoints(
            importlib.metadata.EntryPoint(name, value, group)
            for group, named in groups
            for name, value in named.items()
        )
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda **wanted: points.select(**wanted) if wanted else points
        )
        catalog.rows.cache_clear()

    yield install
    catalog.rows.cache_clear()
    sys.modules.pop("a_plugin", None)


def test_a_plugin_is_found_by_its_name_also_in_what_somebody_sent(plugged, monkeypatch):
    plugged([("archsmith.space", {"mine": "a_plugin:Space"})])
    space = catalog.build(catalog.get("space", "mine"), {"n": 3})
    spec = catalog.to_spec(space)
    monkeypatch.setattr(catalog, "_admitted", set())
    sys.modules.pop("a_plugin")
    assert catalog.from_spec(spec, "space").n == 3


def test_a_plugin_that_fails_is_a_row_with_its_reason(plugged):
    plugged([("archsmith.space", {"mine": "a_plugin:Space", "broken": "broken_plugin:Space", "gone": "no_such:Space"})])
    rows = {row["name"]: row for row in (cli._row("space", name) for name in catalog.names("space"))}
    assert rows["mine"]["summary"] == "Mine." and rows["mine"]["missing"] is None
    assert "fails when it is imported (SyntaxError" in rows["broken"]["missing"]
    assert "No module named 'no_such'" in rows["gone"]["missing"]


def test_the_hint_for_a_plugin_that_is_gone_names_its_package(plugged):
    plugged([("archsmith.space", {"mine": "a_plugin:Gone", "gone": "no_such:Space"})])
    with pytest.raises(UsageError, match=r"no class 'Gone' .*comes from the installed package 'a_plugin'"):
        catalog.get("space", "mine")
    with pytest.raises(UsageError, match=r"No module named 'no_such'\. The name 'gone' comes from the"):
        catalog.get("space", "gone")
    plugged([("archsmith.space", {"needy": "needy_plugin:Space"})])
    with pytest.raises(UsageError, match=r"package 'needy_plugin': install 'not_installed', which it needs\."):
        catalog.get("space", "needy")


@pytest.mark.parametrize("module", ["./own_lab.py", "own_lab.py", "lab/own_lab.py", "lab/own_lab", ".own_lab"])
def test_a_file_in_place_of_a_module_is_told_so(module, tmp_path, monkeypatch):
    (tmp_path / "own_lab.py").write_text("raise AssertionError\n")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "own_lab.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="is not the name of a module") as caught:
        catalog.get("evaluator", f"{module}:Own")
    assert caught.value.hint == "Write own_lab:Own, with the folder of own_lab on PYTHONPATH."
    with pytest.raises(UsageError, match="Write own_lab, with"):
        catalog.admit(module)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", r"no space named 'nowhere'\. Known: .* module:Class\. A plug-in must be"),
        (":Space", r"':Space' is not the place of a class\. Write it like my_package\.my_module:MyClass\."),
        ("a_plugin:", r"'a_plugin:' is not the place of a class\."),
        ("a_plugin:Other", r"no class 'Other' in the module 'a_plugin'\. It has: Space\."),
        ("a_plugin:Spaces", r"no class 'Spaces' in the module 'a_plugin'\. Did you mean 'Space'\?"),
        (
            "no_such:Space",
            r"cannot be imported: No module named 'no_such'\. Install it, or put",
        ),
    ],
)
def test_a_name_that_leads_nowhere_gets_a_hint(plugged, name, words):
    plugged([])
    with pytest.raises(UsageError, match=words):
        catalog.get("space", name)


def test_a_row_knows_the_package_that_it_comes_from(tmp_path, monkeypatch):
    facts = tmp_path / "their_plug_in-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plug-in\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[archsmith.space]\nmine = a_plugin:Space\ndarts = a_plugin:Darts\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert catalog.package("space", "mine", "a_plugin:Space") == "their-plug-in"
    assert catalog.package("space", "darts", "a_plugin:Darts") == "their-plug-in"  # a name that is not free
    assert catalog.package("space", "darts", catalog.rows("space")["darts"]) == "archsmith"


def test_a_kind_of_data_that_fails_ends_no_job(plugged, tmp_path):
    plugged([("archsmith.modality", {"broken": "broken_plugin:Kind"})])
    assert type(modality_of(FitSettings(data="digits"))).__name__ == "Images"
    with pytest.raises(UsageError, match="broken_plugin"):
        modality_of(FitSettings(data="digits", modality="broken"))


def test_plugins_that_cannot_be_found_by_their_name_are_told(plugged):
    plugged(
        [
            ("archsmith.space", {"nasnet": "a_plugin:Space", "mine": "a_plugin:Space"}),
            ("archsmith.spaces", {"other": "a_plugin:Space"}),
            ("archsmith.space", {"mine": "another:Space"}),
            ("somebody.else", {"mine": "another:Space"}),
        ]
    )
    assert catalog.get("space", "nasnet").__name__ == "NasNet"
    assert catalog.rows("space")["mine"] == "a_plugin:Space"
    told = [(kind, name, why) for kind, name, _, why in catalog.strays()]
    assert [(kind, name) for kind, name, _ in told] == [("space", "nasnet"), ("space", "mine"), ("spaces", "other")]
    words = ("belongs to a part of Archsmith", "taken by a_plugin:Space", "no kind 'spaces'")
    assert all(word in why for word, (_, _, why) in zip(words, told, strict=True))


@pytest.mark.parametrize("value", [1, 0.5, True, "x", [1]])
def test_a_plain_value_where_a_part_belongs_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=r"ConvStages\.scale cannot be .* Give a spec"):
        catalog.from_spec({"type": "conv_stages", "args": {"scale": value}}, "space")


@pytest.mark.parametrize(
    "spec", [7, {}, {"type": 3}, {"type": "random", "args": True}, {"type": "random", "args": [1]}]
)
def test_what_is_no_spec_is_refused(spec: object) -> None:
    with pytest.raises(UsageError, match="This is not a spec"):
        catalog.from_spec(spec)  # type: ignore[arg-type]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported, and gives its name."""

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_a_module_that_ends_the_program_is_refused(module):
    name = module("ending_plugin", "import sys\nsys.exit(3)")
    for use in (lambda: catalog.admit(name), lambda: catalog.get("strategy", f"{name}:Mine")):
        with pytest.raises(UsageError, match=r"fails when it is imported \(SystemExit: 3\)"):
            use()


def test_what_a_module_prints_goes_to_standard_error(module, capsys):
    catalog.admit(module("printing_plugin", "print('hello')"))
    assert capsys.readouterr() == ("", "hello\n")


def test_a_class_with_a_slip_in_its_name_gets_a_hint():
    with pytest.raises(UsageError, match=r"There is no class 'Falt' .* Did you mean 'Flat'\?"):
        catalog.get("space", "archsmith.testing.toys:Falt")


def test_a_bare_setting_is_told_whose_it_may_be():
    with pytest.raises(UsageError, match=r"such as space\.filters=8\."):
        catalog.parse_settings(["filters=8"], "space")


def configured():
    """Every dataclass of the catalogue that a person configures, and those in their fields."""
    found = []
    rest = [catalog.load(path) for kind in ("space", "strategy", "evaluator", "executor") for path in _own(kind)]
    while rest:
        cls = rest.pop()
        if not dataclasses.is_dataclass(cls) or cls in found or not cls.__module__.startswith("archsmith."):
            continue
        if not inspect.isabstract(cls):
            found.append(cls)
        rest += [hint for hint in typing.get_type_hints(cls).values() if isinstance(hint, type)]
    return found


def _own(kind):
    return [*catalog.TABLE[kind].values()]


@pytest.mark.parametrize("cls", configured(), ids=lambda cls: cls.__name__)
def test_a_slip_in_any_field_is_one_sentence_that_names_it(cls):
    needed = {
        "space": ConvStages(),
        "data": "x",
        "path": "x",
        "evaluator": ToyEvaluator(),
        "first": ToyEvaluator(),
        "second": ToyEvaluator(),
        "function": "math:sqrt",
        "n_workers": 1,
    }
    rows = [row for row in dataclasses.fields(cls) if row.init]
    given = {row.name: needed[row.name] for row in rows if row.default is row.default_factory is dataclasses.MISSING}
    for row in rows:
        for wrong in (object(), b"x", {1, 2}, float("nan"), int):
            if typing.get_type_hints(cls)[row.name] is not typing.Any:
                with pytest.raises(UsageError, match=rf"{cls.__name__}\.{row.name} (cannot be|is the class) "):
                    cls(**{**given, row.name: wrong})


def test_a_setting_without_a_default_is_named_where_it_is_missing():
    with pytest.raises(UsageError, match=r"Noisy needs a value for 'evaluator', which has no default\. .* --set KIND"):
        catalog.build(Noisy, {})


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        ("One line.\n\nMore of it.", "One line."),
        (
            "A sentence that\n    goes on (Pham et al. 2018). Another one.",
            "A sentence that goes on (Pham et al. 2018).",
        ),
        ("The ``Store`` of pictures.", "The Store of pictures."),
        (None, ""),
    ],
)
def test_a_summary_is_one_whole_sentence(doc: str | None, said: str) -> None:
    assert catalog.summary(doc) == said


def test_a_function_as_an_evaluator_is_told_how(tmp_path, monkeypatch):
    (tmp_path / "quality_lab.py").write_text("def quality(architecture):\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="is a function") as caught:
        catalog.get("evaluator", "quality_lab:quality")
    assert "--evaluator function --set evaluator.function=quality_lab:quality" in caught.value.hint


def test_nobody_is_asked_to_uninstall_a_file_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "bad_lab.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="fails when it is imported") as caught:
        catalog.get("evaluator", "bad_lab:Mine")
    assert caught.value.hint == "Mend it."
