"""The controller: a one-layer LSTM that answers the questions of any space one after the other.

Source: Zoph, Vasudevan, Shlens and Le 2018 (arXiv 1707.07012), appendix A: 100 units, weights from U(-0.1, 0.1), policy
gradient with PPO's clipped ratio (Schulman et al. 2017, arXiv 1707.06347, equation 7) and an entropy bonus.

Theirs has one soft-max for each of 50 known decisions. Ours meets decisions as a space asks them, and some depend on
others or recurse. So it has rows of tables, which are named and made when first needed:

* The input is the sum of three rows: the last answer, the kind of the question, and its path.
* The logit of an option is its row times the LSTM's state, plus a number that belongs to this option at this path, plus
  the logarithm of its weight.

Answers are named by the kind of their question, not by its path or the other options. So what is learnt of an operation
at one place holds at others, and for other sets of options, until the number of the path says otherwise.

A row's first value derives from the seed and its name, and Adam moves no row that was not used. So it does not matter
when a row was made. Roll-outs run in numpy on the same memory, one decision in some 50 µs. Updates run in torch on
padded batches, in double precision, so that a resumed search repeats itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from archsmith.core.seeds import generator
from archsmith.strategies.policy import NEVER, Array, Question, Rollout

BOUND = 0.1  # initial weights are uniform within it, Zoph et al. 2018, appendix A
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam, Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1
Tensor = Any  # torch.Tensor, which mypy does not follow


class Parameter:
    """A tensor that Adam moves; ``values`` is the same memory as an array."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.mean, self.square = np.zeros_like(values), np.zeros_like(values)
        self.tensor: Tensor = torch.from_numpy(values).requires_grad_()

    def descend(self, gradient: Array, learning_rate: float, n_steps: int) -> None:
        self.mean += (1 - BETAS[0]) * (gradient - self.mean)
        self.square += (1 - BETAS[1]) * (gradient**2 - self.square)
        mean, square = self.mean / (1 - BETAS[0] ** n_steps), self.square / (1 - BETAS[1] ** n_steps)
        self.values -= learning_rate * mean / (np.sqrt(square) + EPSILON)


class Rows(Parameter):
    """A table whose rows are made when they are first asked for."""

    def __init__(self, seed: int, name: str, width: int, bound: float = BOUND) -> None:
        super().__init__(np.zeros((16, width)))
        self.seed, self.name, self.bound = seed, name, bound
        self.number: dict[tuple[str, ...], int] = {}

    def row(self, *names: str) -> int:
        """The number of the row with these names."""
        if names not in self.number:
            row = self.number[names] = len(self.number)
            if row == len(self.values):
                self._grow()
            self.values[row] = generator(self.seed, self.name, *names).uniform(
                -self.bound, self.bound, self.values.shape[1]
            )
        return self.number[names]

    def _grow(self) -> None:
        self.values, self.mean, self.square = (
            np.concatenate([array, np.zeros_like(array)]) for array in (self.values, self.mean, self.square)
        )
        self.tensor = torch.from_numpy(self.values).requires_grad_()


class Place(NamedTuple):
    """The rows behind one question.

    ``kind``, ``path``: rows of the question.
    ``outputs``, ``numbers``, ``inputs``: for each option, its rows as output, as number of the path and as next input.
    """

    kind: int
    path: int
    outputs: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    inputs: tuple[int, ...]


class Skips(NamedTuple):
    """A wanted share of skips, and what straying from it costs: a penalty in what the controller maximises.

    Source: Pham et al. 2018 (ENAS, arXiv 1802.03268), section 2.3. As in its code the penalty is the divergence of the
    probabilities from the target, KL(p, target), summed over the skips of a layer and averaged over the layers.

    ``kind``: of the questions that True answers with a skip.
    ``rate``: the target, above 0 and below 1.
    ``weight``: of the penalty, 0 or more.
    """

    kind: str
    rate: float
    weight: float

    def penalty(self, padded: Padded, log_prob: Tensor, entropy: Tensor) -> Tensor:
        """What each decision costs, ``(n, longest)``, by the log-probability of the option taken and the entropy."""
        p, target = log_prob.exp(), padded.skipped * self.rate + (1 - padded.skipped) * (1 - self.rate)
        divergence = -entropy - p * target.log() - (1 - p) * (1 - target).log()
        return self.weight * padded.skips * divergence


class Controller:
    """The policy of ``reinforce`` and of ENAS.

    ``units``: of the LSTM.
    ``learning_rate``: of Adam.
    ``entropy``: weight of the entropy in what is maximised; that of an architecture is the mean of its decisions.
    ``clip``: of PPO's ratio; None: plain REINFORCE.
    ``epochs``: passes over each batch.
    ``seed``: of the first weights.
    ``tanh``: logits are kept within ± this; None: they are not (Bello et al. 2017, arXiv 1611.09940; used by ENAS).
    ``temperature``: what logits are divided by.
    ``skips``: the wanted share of skips; None: any will do.
    """

    def __init__(
        self,
        units: int,
        learning_rate: float,
        entropy: float,
        clip: float | None,
        epochs: int,
        seed: int,
        tanh: float | None = None,
        temperature: float = 1.0,
        skips: Skips | None = None,
    ) -> None:
        self.units, self.learning_rate, self.entropy = units, learning_rate, entropy
        self.clip, self.epochs = clip, epochs
        self.tanh, self.temperature, self.skips = tanh, temperature, skips
        rng = generator(seed, "lstm")
        # input, forget, cell and output gate by (input, state)
        self.gates = Parameter(rng.uniform(-BOUND, BOUND, (4 * units, 2 * units)))
        self.shifts = Parameter(rng.uniform(-BOUND, BOUND, 4 * units))
        self.inputs = Rows(seed, "input", units)
        self.questions = Rows(seed, "question", units)
        self.outputs = Rows(seed, "output", units)
        self.numbers = Rows(seed, "number", 1, bound=0.0)
        self.begin = self.inputs.row()  # the input before any answer
        self.n_steps = 0
        self._places: dict[Hashable, Place] = {}

    def walk(self) -> Walk:
        return Walk(self)

    def place(self, question: Question) -> Place:
        key = (question.path, question.labels)
        known = self._places.get(key)
        if known is None:
            path, kind, labels = question.path, question.kind, question.labels
            known = self._places[key] = Place(
                self.questions.row("kind", kind),
                self.questions.row("path", path),
                np.array([self.outputs.row(kind, label) for label in labels]),
                np.array([self.numbers.row(path, label) for label in labels]),
                tuple(self.inputs.row(kind, label) for label in labels),
            )
        return known

    def improve(self, rollouts: Sequence[Rollout], advantages: Array) -> None:
        """One step of Adam, or ``epochs`` of them with PPO.

        Steps go up the gradient of advantage times log-probability, plus mean entropy, less what skips cost.
        """
        padded = Padded.of(rollouts, self)
        advantage = torch.from_numpy(advantages)[:, None]
        before = None
        for _ in range(self.epochs):
            with torch.enable_grad():
                log_prob, entropy = self.evaluate(padded)
                gain = log_prob * advantage
                if self.clip is not None:
                    before = log_prob.detach() if before is None else before
                    ratio = (log_prob - before).exp()
                    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - self.clip, 1 + self.clip) * advantage)
                gain = padded.asked * gain + self.entropy * padded.share * entropy
                if self.skips is not None:
                    gain = gain - self.skips.penalty(padded, log_prob, entropy)
                loss = -gain.sum() / len(rollouts)
                parameters = (self.gates, self.shifts, self.inputs, self.questions, self.outputs, self.numbers)
                gradients = torch.autograd.grad(loss, [parameter.tensor for parameter in parameters])
            self.n_steps += 1
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.descend(gradient.numpy(), self.learning_rate, self.n_steps)

    def evaluate(self, padded: Padded) -> tuple[Tensor, Tensor]:
        """Log-probability of each option taken, and entropy of each decision, both ``(n, longest)``."""
        inputs, questions = self.inputs.tensor, self.questions.tensor
        x = inputs[padded.previous] + questions[padded.kind] + questions[padded.path]  # (n, longest, units)
        hidden = cell = x.new_zeros(len(x), self.units)
        states = []
        for t in range(x.shape[1]):
            entering, forget, new, leaving = (
                torch.cat([x[:, t], hidden], 1) @ self.gates.tensor.T + self.shifts.tensor
            ).chunk(4, 1)
            cell = forget.sigmoid() * cell + entering.sigmoid() * new.tanh()
            hidden = leaving.sigmoid() * cell.tanh()
            states.append(hidden)
        logits = (torch.stack(states, 1) @ self.outputs.tensor.T).gather(2, padded.outputs)
        log_probs = (
            self.bounded(logits + self.numbers.tensor[padded.numbers, 0], torch.tanh) + padded.log_weights
        ).log_softmax(2)
        entropy = -(log_probs.exp() * log_probs).sum(2)
        return log_probs.gather(2, padded.taken[:, :, None])[:, :, 0], entropy

    def bounded(self, logits: Any, tanh: Any) -> Any:
        """``logits`` of either library by temperature and bound; ``tanh`` is that library's."""
        logits = logits / self.temperature
        return logits if self.tanh is None else self.tanh * tanh(logits)


class Walk:
    """One roll-out, in numpy."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.previous = controller.begin
        self.hidden = self.cell = np.zeros(controller.units)
        self.options: tuple[int, ...] = ()

    def probabilities(self, question: Question) -> Array:
        c, place = self.controller, self.controller.place(question)
        x = c.inputs.values[self.previous] + c.questions.values[place.kind] + c.questions.values[place.path]
        z = c.gates.values @ np.concatenate([x, self.hidden]) + c.shifts.values
        entering, forget, new, leaving = z.reshape(4, -1)
        self.cell = _sigmoid(forget) * self.cell + _sigmoid(entering) * np.tanh(new)
        self.hidden = _sigmoid(leaving) * np.tanh(self.cell)
        logits = (
            c.bounded(c.outputs.values[place.outputs] @ self.hidden + c.numbers.values[place.numbers, 0], np.tanh)
            + question.log_weights
        )
        p = np.exp(logits - logits.max())
        self.options = place.inputs
        return np.asarray(p / p.sum())

    def took(self, index: int) -> None:
        self.previous = self.options[index]


class Padded(NamedTuple):
    """Roll-outs as tensors, filled up to the longest and to the most options.

    ``asked`` is 1 where there is a decision and 0 where there is none.
    """

    previous: Tensor  # (n, longest), rows of inputs
    kind: Tensor  # (n, longest), rows of questions
    path: Tensor
    taken: Tensor  # (n, longest), index of the option
    asked: Tensor  # (n, longest)
    share: Tensor  # (n, longest), asked / length
    skips: Tensor  # (n, longest), for a decision on a skip 1 / how many layers have one, else 0
    skipped: Tensor  # (n, longest), 1 where the option is a skip
    outputs: Tensor  # (n, longest, most options), rows of outputs
    numbers: Tensor
    log_weights: Tensor  # NEVER where there is no option

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], controller: Controller) -> Padded:
        n, longest = len(rollouts), max(map(len, rollouts))
        most = max(len(step.question.labels) for rollout in rollouts for step in rollout)
        previous, kind, path, taken = np.zeros((4, n, longest), dtype=np.int64)
        outputs, numbers = np.zeros((2, n, longest, most), dtype=np.int64)
        asked, skips, skipped = np.zeros((3, n, longest))
        log_weights = np.full((n, longest, most), NEVER)
        wanted = None if controller.skips is None else controller.skips.kind
        for i, rollout in enumerate(rollouts):
            last = controller.begin
            for t, (question, index) in enumerate(rollout):
                place, k = controller.place(question), len(question.labels)
                previous[i, t], kind[i, t], path[i, t] = last, place.kind, place.path
                taken[i, t], asked[i, t] = index, 1
                outputs[i, t, :k], numbers[i, t, :k] = place.outputs, place.numbers
                log_weights[i, t, :k] = question.log_weights
                last = place.inputs[index]
                if question.kind == wanted:
                    skips[i, t], skipped[i, t] = 1, question.labels[index] == "True"
            layers = {step.question.path.rpartition("/")[0] for step in rollout if step.question.kind == wanted}
            skips[i] /= max(1, len(layers))
        share = asked / asked.sum(1, keepdims=True)
        whole = (previous, kind, path, taken, asked, share, skips, skipped, outputs, numbers, log_weights)
        return cls(*map(torch.from_numpy, whole))


def _sigmoid(z: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * z))  # cannot overflow
