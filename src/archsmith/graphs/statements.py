"""The statements of a ``forward`` method, as a person would write them.

A value that is used once is written inside the expression that uses it, as long as that expression stays short. A value
that continues another one takes over its name (``x = self.conv(x)``). Any other value is named after its step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from archsmith.graphs.graph import AUXILIARY
from archsmith.graphs.operations import OPERATIONS, Operation
from archsmith.graphs.skeleton import ARGUMENT, Code, Ref, Skeleton, Step

WIDTH = 120  # characters of a line
DEEP, LONG = 4, 88  # an expression with more nested calls, or more characters, gets a line of its own
SUM, PRODUCT = 1, 2  # binding strength of an expression's outermost operator; 0: it needs no brackets anywhere


@dataclass(frozen=True)
class Expression:
    """A step with its operands.

    ``step``: index of the step.
    ``operands``: expressions that are written inside it, or named values.
    ``calls``: 1 for a call, 0 for operators only.
    """

    step: int
    operands: tuple[Expression | Ref, ...]
    calls: int

    def leaves(self) -> list[Ref]:
        """The named values of the expression, from left to right."""
        return [
            leaf
            for operand in self.operands
            for leaf in (operand.leaves() if isinstance(operand, Expression) else [operand])
        ]

    def steps(self) -> list[int]:
        """The steps of the expression, the outermost first."""
        return [
            self.step,
            *(step for operand in self.operands if isinstance(operand, Expression) for step in operand.steps()),
        ]

    def depth(self) -> int:
        return self.calls + max(
            (operand.depth() for operand in self.operands if isinstance(operand, Expression)), default=0
        )


class Body:
    """The statements of one ``forward``. Decides which steps are written inside others, and names the values."""

    def __init__(self, skeleton: Skeleton, classes: Sequence[Skeleton], root: bool = False) -> None:
        self.skeleton = skeleton
        self.classes = classes
        self.root = root
        self.steps = skeleton.steps

    def lines(self) -> list[str]:
        """The body of a forward method that returns all outputs in order."""
        outputs = [self._real(ref) for ref in self.skeleton.outputs]
        statements = self._statements(range(len(self.steps)), outputs)
        names = self._names(statements, outputs)
        lines: list[str] = []
        for statement in statements:
            if len(outputs) == 1 and outputs[0] == (statement.step, 0) and statement is statements[-1]:
                return [*lines, *wrapped(f"return {self._written(statement, names)}", 8)]
            lines += self._assigned(statement, names)
        return [*lines, f"return {', '.join(names[ref] for ref in outputs)}"]

    def lines_by_name(self, outputs: Mapping[str, Ref]) -> list[str]:
        """The body of a method that returns the outputs in a dict. The auxiliary output is computed only if the
        argument ``auxiliary`` is true.
        """
        real = {name: self._real(ref) for name, ref in outputs.items()}
        main = [ref for name, ref in real.items() if name != AUXILIARY]
        served = self._needed(main)
        rest = [k for k in range(len(self.steps)) if k not in served] if AUXILIARY in real else []
        statements = self._statements(sorted(served), list(real.values()), rest)
        later = self._statements(rest, list(real.values()), served)
        names = self._names(statements + later, list(real.values()))
        lines: list[str] = []
        held: dict[Ref, str] = {}
        named = {real.get(AUXILIARY), *(leaf for statement in later for leaf in statement.leaves())}
        for statement in statements:
            alone = len(main) == 1 and main[0] not in named
            if (statement.step, 0) == main[0] and statement is statements[-1] and alone:
                held[main[0]] = self._written(statement, names)
            else:
                lines += self._assigned(statement, names)
        entries = ", ".join(
            f'"{name}": {held.get(ref) or names[ref]}' for name, ref in real.items() if name != AUXILIARY
        )
        if AUXILIARY not in real:
            return [*lines, *wrapped(f"return {{{entries}}}", 8)]
        lines += wrapped(f"outputs = {{{entries}}}", 8)
        lines.append("if auxiliary:")
        for statement in later:
            if (statement.step, 0) == real[AUXILIARY]:
                lines += indented(wrapped(f'outputs["{AUXILIARY}"] = {self._written(statement, names)}', 12), 4)
            else:
                lines += indented(self._assigned(statement, names), 4)
        if not any((statement.step, 0) == real[AUXILIARY] for statement in later):
            lines.append(f'    outputs["{AUXILIARY}"] = {names[real[AUXILIARY]]}')
        return [*lines, "return outputs"]

    def _needed(self, outputs: Sequence[Ref]) -> set[int]:
        needed: set[int] = set()
        waiting = [ref[0] for ref in outputs]
        while waiting:
            k = waiting.pop()
            if k != ARGUMENT and k not in needed:
                needed.add(k)
                waiting += [self._real(ref)[0] for ref in self.steps[k].inputs]
        return needed

    def _real(self, ref: Ref) -> Ref:
        """The value behind ``ref``: an identity operation is left out of the source."""
        while ref[0] != ARGUMENT and _row(self.steps[ref[0]]).neutral:
            ref = self.steps[ref[0]].inputs[0]
        return ref

    def _n_values(self, k: int) -> int:
        what = self.steps[k].what
        return len(self.classes[what].outputs) if isinstance(what, int) else 1

    def _statements(self, order: Iterable[int], outputs: Sequence[Ref], others: Iterable[int] = ()) -> list[Expression]:
        """The steps of ``order`` as statements. A step that is written inside another one is not listed. Steps in
        ``others`` are written elsewhere and use values of these.
        """
        order = [k for k in order if not _row(self.steps[k]).neutral]
        here = set(order)
        uses: dict[Ref, int] = {}
        for k in [*here, *others]:
            for ref in self.steps[k].inputs:
                uses[self._real(ref)] = uses.get(self._real(ref), 0) + 1
        for ref in outputs:
            uses[ref] = uses.get(ref, 0) + 1
        made: dict[int, Expression] = {}
        folded: set[int] = set()
        for k in order:
            what = self.steps[k].what
            text = what.text if isinstance(what, Code) else ""
            operands: list[Expression | Ref] = []
            for ref in map(self._real, self.steps[k].inputs):
                inner = made.get(ref[0])
                if inner is not None and ref[0] in here and uses[ref] == 1 and self._fits(inner, k):
                    operands.append(inner)
                    folded.add(ref[0])
                else:
                    operands.append(ref)
            made[k] = Expression(k, tuple(operands), 0 if _tightness(self.steps[k]) and "(" not in text else 1)
        return [made[k] for k in order if k not in folded]

    def _fits(self, inner: Expression, k: int) -> bool:
        """May ``inner`` be written inside step ``k``?"""
        part, outer = self.steps[inner.step], self.steps[k]
        if self._n_values(inner.step) > 1 or inner.depth() >= DEEP:
            return False
        if isinstance(part.what, int) and (len(part.inputs) > 1 or (isinstance(outer.what, int) and self.root)):
            return False
        if isinstance(part.what, int) and isinstance(outer.what, Code) and len(outer.inputs) > 2:
            return False
        # A convolution begins a new statement, so a normalised value before it keeps its own name.
        if _row(outer).starts_line and any(_row(self.steps[step]).normalises for step in inner.steps()):
            return False
        # Where the order of operands matters, named operands are easier to read.
        if (
            len(outer.inputs) > 1
            and not isinstance(outer.what, int)
            and not _row(outer).symmetric
            and inner.depth() > 2
        ):
            return False
        names = {
            leaf: self.skeleton.arguments[leaf[1]] if leaf[0] == ARGUMENT else self.steps[leaf[0]].local
            for leaf in inner.leaves()
        }
        length = len(self._written(inner, names)) + len(outer.local) + 9 * len(outer.inputs)
        return length <= LONG

    def _names(self, statements: Sequence[Expression], outputs: Sequence[Ref]) -> dict[Ref, str]:
        """A name for every value of the statements. A name is used again when its old value is not needed any more and
        the new value continues it.
        """
        last: dict[Ref, int] = {}
        users: dict[Ref, list[int]] = {}
        for i, statement in enumerate(statements):
            for ref in statement.leaves():
                last[ref] = i
                users.setdefault(ref, []).append(i)
        last.update(dict.fromkeys(outputs, len(statements)))
        names: dict[Ref, str] = {(ARGUMENT, k): argument for k, argument in enumerate(self.skeleton.arguments)}

        def free(name: str, i: int) -> bool:
            return all(other != name or last.get(ref, -1) <= i for ref, other in names.items())

        for i, statement in enumerate(statements):
            step = self.steps[statement.step]
            if self._n_values(statement.step) > 1:
                for value in range(self._n_values(statement.step)):
                    names[statement.step, value] = self._unused(f"{step.local}_{value}", i, free)
                continue
            ref = (statement.step, 0)
            operands = set(statement.leaves())
            before = next(iter(operands)) if len(operands) == 1 else None
            goes_on = before is not None and (
                names[before] in ("x", "y") or (before[0] == ARGUMENT and not self.root and len(users[before]) == 1)
            )
            if before is not None and goes_on and last[before] == i:
                names[ref] = names[before]
                continue
            chained = (
                before is not None
                and len(users.get(ref, ())) == 1
                and ref not in outputs
                and set(statements[users[ref][0]].leaves()) == {ref}
            )
            short = [name for name in ("x", "y") if free(name, i)] if chained else []
            names[ref] = short[0] if short else self._unused(self._telling(statement), i, free)
        return names

    def _telling(self, statement: Expression) -> str:
        """The best local name in a statement: the first one that is not just the name of its operation."""
        for k in statement.steps():
            step = self.steps[k]
            if re.sub(r"\d+$", "", step.local) not in (step.op, "bn"):
                return step.local
        return self.steps[statement.step].local

    def _unused(self, wish: str, i: int, free: Callable[[str, int], bool]) -> str:
        name, count = wish, 1
        while not free(name, i) or name in ("torch", "nn", "F", "self", "outputs", AUXILIARY if self.root else ""):
            count += 1
            name = f"{wish}{count}"
        return name

    def _assigned(self, statement: Expression, names: Mapping[Ref, str]) -> list[str]:
        targets = ", ".join(names[statement.step, value] for value in range(self._n_values(statement.step)))
        return wrapped(f"{targets} = {self._written(statement, names)}", 8)

    def _written(self, expression: Expression | Ref, names: Mapping[Ref, str]) -> str:
        if not isinstance(expression, Expression):
            return names[expression]
        step = self.steps[expression.step]
        operands = [self._written(operand, names) for operand in expression.operands]
        if not isinstance(step.what, Code):
            return f"self.{step.local}({', '.join(operands)})"
        for k, operand in enumerate(expression.operands):
            inner = _tightness(self.steps[operand.step]) if isinstance(operand, Expression) else 0
            looser = inner and not (_tightness(step) == SUM and inner == PRODUCT)
            if looser and k in _exposed(step.what.text):
                operands[k] = f"({operands[k]})"
        return re.sub(r"\{(\d+)\}", lambda found: operands[int(found[1])], step.what.text)


_NOTHING = Operation("", lambda args, ins: ())  # stands for a step that is an instance of a class


def _row(step: Step) -> Operation:
    """The row of a step's operation; an empty row for an instance of a class."""
    return OPERATIONS.get(step.op, _NOTHING)


def _tightness(step: Step) -> int:
    """``SUM`` or ``PRODUCT`` if such an operator is the outermost of the expression, else 0."""
    tree = _parsed(step.what.text) if isinstance(step.what, Code) else None
    if not isinstance(tree, ast.BinOp):
        return 0
    return SUM if isinstance(tree.op, ast.Add | ast.Sub) else PRODUCT


@cache
def _exposed(text: str) -> frozenset[int]:
    """Indices of the operands that stand beside an operator, a dot or an index; these may need brackets."""
    found = set()
    for outer in ast.walk(_parsed(text)):
        inner: list[ast.expr] = []
        if isinstance(outer, ast.BinOp):
            inner = [outer.left, outer.right]
        elif isinstance(outer, ast.Attribute | ast.Subscript):
            inner = [outer.value]
        found |= {int(part.id[1:]) for part in inner if isinstance(part, ast.Name) and part.id[1:].isdigit()}
    return frozenset(found)


@cache
def _parsed(text: str) -> ast.expr:
    return ast.parse(re.sub(r"\{(\d+)\}", r"_\1", text), mode="eval").body


def indented(lines: Sequence[str], by: int) -> list[str]:
    """``lines`` moved ``by`` spaces to the right."""
    return [" " * by + line if line else line for line in lines]


def wrapped(line: str, by: int) -> list[str]:
    """``line``; if it is too long, it is broken before its plus signs or inside its outermost brackets."""
    if len(line) + by <= WIDTH:
        return [line]
    head, _, sum_ = line.partition("return " if line.startswith("return ") else " = ")
    terms = _split(sum_, " + ")
    if len(terms) > 1:
        head = f"{head} = (" if head else "return ("
        return [head, f"    {terms[0]}", *(f"    + {term}" for term in terms[1:]), ")"]
    closed = max(line.rfind(")"), line.rfind("]"))
    if closed < 0:
        return [line]
    opened = min(at for at in (line.find("("), line.find("[")) if at >= 0)
    inside = line[opened + 1 : closed]
    if by + 4 + len(inside) <= WIDTH:
        return [line[: opened + 1], f"    {inside}", line[closed:]]
    parts = [f"{part.strip()}," for part in _split(inside, ",") if part.strip()]
    broken = [f"    {each}" for part in parts for each in wrapped(part, by + 4)]
    return [line[: opened + 1], *broken, line[closed:]]


def _split(text: str, mark: str) -> list[str]:
    """``text`` split at every ``mark`` that is not inside brackets."""
    parts, level, start = [], 0, 0
    for at, letter in enumerate(text):
        level += (letter in "([{") - (letter in ")]}")
        if not level and text.startswith(mark, at):
            parts.append(text[start:at])
            start = at + len(mark)
    return [*parts, text[start:]]
