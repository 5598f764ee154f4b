"""Write a bundle: everything into a folder beside the target, verify it there, and only then let it take the target's
place.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from archsmith.bundle.card import card
from archsmith.bundle.container import dockerfile, requirements
from archsmith.bundle.folder import check_target, replacing
from archsmith.bundle.intake import Intake
from archsmith.bundle.listing import listing
from archsmith.bundle.manifest import (
    ARCHITECTURE,
    CARD,
    DOCKERFILE,
    FILES,
    MODEL,
    NOTICE,
    REPORT,
    REQUIREMENTS,
    SOURCE,
    WEIGHTS,
    Facts,
    Manifest,
    file_checksum,
    read,
)
from archsmith.bundle.model import onnx_bytes
from archsmith.bundle.notice import notice
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.verify import Verification, portable, verify
from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.core.task import Task
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.version import VERSION


@dataclass(frozen=True, eq=False)
class _Work:
    """What a bundle is written from.

    ``network``: ready for export.
    ``graph``: of the network, without the auxiliary head.
    """

    network: nn.Module
    graph: Graph
    task: Task
    intake: Intake
    output: ModelOutput
    facts: Facts


def export(
    network: nn.Module,
    graph: Graph,
    task: Task,
    folder: str | Path,
    *,
    intake: Intake,
    facts: Facts | None = None,
    temperature: float = 1.0,
    target_statistics: tuple[float, float] | None = None,
    examples: Any = None,
    targets: NDArray[Any] | None = None,
) -> Verification:
    """Write the bundle of a trained network to ``folder`` and return the figures of its verification.

    ``network``: the trained network of ``graph``. Of classes it gives logits, of a regression target standard units.
    ``intake``: what the bundle takes in.
    ``temperature``: divides the logits.
    ``target_statistics``: mean and standard deviation of the training split's regression targets.
    ``examples``: raw ones to verify with, as ``Predictor`` is given them; None for random ones.
    ``targets``: ``(n,)`` of the examples, indexes of classes or regression targets.

    An existing bundle at ``folder`` is replaced at the very end. Raises UsageError when the target cannot be used,
    ArchsmithError when the exported network differs from the trained one.
    """
    check_ready()
    target = check_target(folder)
    _check(task, intake)
    output = ModelOutput.of(task, temperature, target_statistics)
    served = graph.without(AUXILIARY)  # it helps training and is no part of what predicts
    work = _Work(portable(network), served, task, intake, output, facts or Facts())
    with replacing(target) as part:
        _write(work, part)
        verification = _finish(work, part, examples, targets)
        _keep_report(target, part, work.facts)
    return verification


def check_ready() -> None:
    """Raises MissingExtraError unless everything that an export needs is installed."""
    for package in ("onnx", "onnxscript", "safetensors"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError.of(package, "train", "Writing a bundle") from error


def _check(task: Task, intake: Intake) -> None:
    output = task.outputs[0]
    if len(task.outputs) != 1 or not (output.classes or (task.is_regression and output.n == 1)):
        raise UsageError("Only networks that tell named classes or one regression target can be exported.")
    if not intake.fits(task):
        names = ", ".join(f"{entry.name} {entry.shape}" for entry in task.inputs)
        raise UsageError(
            f"The task has the inputs {names}, but the bundle would take {intake.material}, {intake.size}."
        )


def _write(work: _Work, part: Path) -> None:
    """All files but the card and the manifest."""
    exporter = work.intake.exporter()
    (part / MODEL).write_bytes(onnx_bytes(work.network, exporter, work.output, _told(work)))
    _write_weights(work.network, work.graph, part / WEIGHTS)
    (part / SOURCE).write_text(listing(work.graph, exporter, work.output), encoding="utf-8")
    decisions = json.dumps(dict(work.facts.architecture), indent=1, allow_nan=False)
    (part / ARCHITECTURE).write_text(decisions + "\n", encoding="utf-8")
    (part / DOCKERFILE).write_text(dockerfile(work.facts.name), encoding="utf-8")
    (part / REQUIREMENTS).write_text(requirements(), encoding="utf-8")
    if work.facts.origin is not None:
        (part / NOTICE).write_text(notice(work.facts.origin), encoding="utf-8")


def _told(work: _Work) -> dict[str, str]:
    """What ``model.onnx`` itself says of its input, of its output and of where its weights come from."""
    told = {"input": " ".join(work.intake.interface()).replace("`", "")}
    table = work.intake.table()
    if table is not None:
        told["columns"] = json.dumps([row[0] for row in table[1]])
    if work.output.classes:
        told["classes"] = json.dumps(work.output.classes)
    else:
        told["target"] = work.output.target
    origin = work.facts.origin
    if origin is not None:
        told["licence"] = f"{origin.licence}: the weights go back to {origin.name}. See NOTICE.txt."
    return told


def _write_weights(network: nn.Module, graph: Graph, path: Path) -> None:
    """The tensors of the nodes of ``graph``, under their names in ``network``."""
    from safetensors.torch import save

    nodes = {node.name for node in graph.nodes}
    state = {
        name: tensor.detach().contiguous()
        for name, tensor in network.state_dict().items()
        if name.rpartition(".")[0] in nodes
    }
    path.write_bytes(save(state, {"format": "pt"}))  # save_file lets nobody but the owner read the file


def _finish(work: _Work, part: Path, examples: Any, targets: NDArray[Any] | None) -> Verification:
    """Verify what stands in ``part``, then write the card and the final manifest."""
    counted = cost(work.graph)

    def manifest(verification: Verification | None) -> Manifest:
        how = "random" if examples is None else "given"
        return Manifest(
            task=work.task,
            intake=work.intake,
            output=work.output,
            facts=work.facts,
            params=counted.params,
            macs=counted.macs,
            versions=_versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files={name: file_checksum(part / name) for name in FILES if (part / name).exists()},
            verification=None if verification is None else {**vars(verification), "examples": how},
        )

    manifest(None).write(part)  # the predictor wants one
    if examples is None:
        verification = verify(part, work.network, work.graph, work.intake.exporter().random_examples())
    else:
        verification = verify(part, work.network, work.graph, examples, targets)
    (part / CARD).write_text(card(manifest(verification)), encoding="utf-8")
    manifest(verification).write(part)
    return verification


def _keep_report(target: Path, part: Path, facts: Facts) -> None:
    """The report beside an older bundle of the same study stays; that of another study would tell about another
    network.
    """
    if (target / REPORT).is_file() and facts.study is not None and read(target).facts.study == facts.study:
        shutil.copy2(target / REPORT, part / REPORT)


def _versions() -> dict[str, str]:
    found = {"archsmith": VERSION, "python": platform.python_version()}
    for package in ("torch", "onnx", "onnxruntime", "numpy", "pillow", "safetensors"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
