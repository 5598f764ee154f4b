"""What kind of data a study is about, and the words that a report uses for one example of that kind."""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount


@dataclass(frozen=True)
class Words:
    """What one example of a kind of data is called.

    one: the singular, as ``picture``
    many: the plural, as ``pictures``
    inputs: what a network reads of an example, as ``pixels``
    new: Python source of new examples, as a predictor takes them
    """

    one: str
    many: str
    inputs: str
    new: str

    def amount(self, n: int, split: str = "") -> str:
        """``1 test picture``, ``2,000 pictures``."""
        before = f"{split} " if split else ""
        return amount(n, f"{before}{self.one}", f"{before}{self.many}")


EXAMPLES = Words("example", "examples", "inputs", "examples")
WORDS = {
    "image": Words("picture", "pictures", "pixels", '["picture.png"]'),
    "table": Words("row", "rows", "columns", '"rows.csv"'),
    "text": Words("text", "texts", "words", '["A sentence."]'),
}


# kinds of inputs that do not have the name of their kind of data
OF_INPUT = {"numbers": "table", "categories": "table", "tokens": "text"}


def kind_of(study: Study) -> str:
    """The kind of the study's data, as ``image``; empty where nothing says it.

    Logs of the first versions do not name it. There the inputs of the task tell; the main job was about images alone.
    """
    known = study.fit.get("kind")
    if known:
        return str(known)
    inputs = (study.fit.get("task") or {}).get("inputs") or ()
    if inputs:
        kind = str(inputs[0].get("kind") or "")
        return OF_INPUT.get(kind, kind)
    return str(getattr(study.splits, "kind", "image" if study.fit else ""))


def words_of(study: Study) -> Words:
    return WORDS.get(kind_of(study), EXAMPLES)


def target_name(study: Study) -> str:
    """What the regression target is called."""
    outputs = (study.fit.get("task") or {}).get("outputs") or (study.manifest.get("task") or {}).get("outputs") or ()
    return str(outputs[0].get("name") or "value") if outputs else "value"


def is_regression(study: Study) -> bool:
    """Is a number predicted, rather than a class? By the predictions where they were kept, else by the data."""
    return study.test.outputs.ndim == 1 if study.test is not None else not study.classes
