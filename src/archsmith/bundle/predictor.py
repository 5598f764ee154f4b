"""Predict with a bundle: onnxruntime, numpy and Pillow, and nothing else of this library's training side.

Everything that happens to an example after it was read is inside ``model.onnx``. Reading is the business of the
bundle's ``Intake``. The files ``network.py`` and ``weights.safetensors`` of a bundle are never read here, so a received
bundle cannot run code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Call, Window
from archsmith.bundle.manifest import MODEL, Manifest, check_content, checksum, read
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.core.fields import fitted
from archsmith.core.files import regular_size

NO_NUMBER = "The network gave no finite number for it. A value is probably far outside what it has learnt."
QUIET = 4  # onnxruntime's severity scale: fatal errors only; the others are raised, and told in a sentence of ours


class Predictor:
    """The network of a bundle, ready to predict.

    ``folder``: the bundle.
    ``threads``: how many threads one call may use; None for as many as there are cores.

    Safe to share between threads. What it takes depends on the bundle:

    * Pictures. An *image* is a path, a Pillow image, or a uint8 array ``(H, W)`` or ``(H, W, 1..4)``. Give one image, a
      list of them with any sizes, or a uint8 array ``(n, H, W)`` or ``(n, H, W, C)``. An array with three axes is one
      image when its last axis has length 1 to 4.
    * Rows of a table. Give the path of a CSV or Parquet file, a DataFrame, a mapping of columns, a list of mappings, or
      a 2-D array with the columns of the training table (without the target) in their order.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        """Raises UsageError when the folder holds no bundle, a damaged one, or one of a later format."""
        threads = fitted(threads, int | None, "Predictor.threads")
        if threads is not None and threads < 1:
            raise UsageError(f"threads is {threads}.", "Give 1 or more, or None for all cores.")
        self.manifest: Manifest = read(folder)
        self.folder = Path(folder)
        self._session = _session(self.folder, self.manifest, threads)

    def __repr__(self) -> str:
        output = self.manifest.output
        what = f"regression target {output.target!r}" if self.is_regression else f"{len(self.classes)} classes"
        return f"Predictor({str(self.folder)!r}, {what}, network input {self.manifest.intake.size})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the columns of ``predict_proba``; none for a regression target."""
        return self.manifest.classes

    @property
    def is_regression(self) -> bool:
        """Is a regression target predicted, rather than a class?"""
        return self.manifest.is_regression

    def predict(self, examples: Any) -> list[str] | NDArray[np.float32]:
        """The most probable class of each example, or the regression targets ``(n,)`` float32 in their own unit. Raises
        DataError for what cannot be read, and where the network gives no finite probabilities.
        """
        predictions = self._all(examples)
        if self.is_regression:
            return predictions
        wrong = np.flatnonzero(~np.isfinite(predictions).all(axis=1))
        if wrong.size:
            noun = self.manifest.intake.noun
            raise DataError(f"{noun.capitalize()} {wrong[0] + 1:,} has no class.", NO_NUMBER)
        return [self.classes[i] for i in predictions.argmax(axis=1)]

    def predict_proba(self, examples: Any) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` float32, rows add up to 1. Raises DataError for what cannot be read,
        UsageError for a regression target.
        """
        if self.is_regression:
            raise UsageError(
                "This bundle predicts a regression target, which has no probabilities.", "Call predict instead."
            )
        return self._all(examples)

    def stream(self, examples: Any) -> Iterator[NDArray[np.float32]]:
        """Predictions as they come, in the order of the examples: probabilities ``(m, n_classes)`` or regression
        targets ``(m,)``, some hundred or thousand at a time.

        ``examples`` may be any iterable here, an endless one too: neither examples nor predictions pile up. Raises as
        ``predict`` does.
        """
        for window in self.manifest.intake.windows(examples):
            yield self.run(window)

    def run(self, window: Window) -> NDArray[np.float32]:
        """The predictions for a window, ``(window.n, n_classes)`` or ``(window.n,)``; zeros for broken examples."""
        rows = np.zeros((window.n, self.manifest.output.n), np.float32)
        for call in window.calls:
            rows[call.places] = self._run(call)
        return rows[:, 0] if self.is_regression else rows

    def _all(self, examples: Any) -> NDArray[np.float32]:
        found = list(self.stream(examples))
        if found:
            return np.concatenate(found)
        return np.empty((0,) if self.is_regression else (0, len(self.classes)), np.float32)

    def _run(self, call: Call) -> NDArray[np.float32]:
        try:
            rows: NDArray[np.float32] = self._session.run(
                None, dict(call.inputs), _giving_memory_back() if call.large else None
            )[0]
        except Exception as error:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in call.inputs.items())
            raise ArchsmithError(f"onnxruntime could not run the network on {shapes}: {_line(error)}.") from error
        return rows


def _session(folder: Path, manifest: Manifest, threads: int | None) -> Any:
    """An onnxruntime session on the checked bytes of ``model.onnx``."""
    import onnxruntime

    path = folder / MODEL
    try:
        regular_size(path)
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The bundle at {str(folder)!r} has lost its {MODEL}.", "Copy or export the bundle again."
        ) from error
    check_content(manifest, MODEL, checksum(content))

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it remembers a plan for every size of input that it ever met
    try:
        # From bytes: what was checked is what runs, and a model that points at other files cannot reach them.
        session = onnxruntime.InferenceSession(content, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UsageError(
            f"onnxruntime cannot load the {MODEL} of {str(folder)!r}: {_line(error)}.",
            "Copy or export the bundle again.",
        ) from error
    if not _fits(session, manifest):
        raise UsageError(
            f"The {MODEL} of {str(folder)!r} does not fit its manifest.", "Copy or export the bundle again."
        )
    return session


def _fits(session: Any, manifest: Manifest) -> bool:
    """Does the model take and give what the manifest says?"""
    wanted = {entry.name: entry for entry in manifest.intake.model_inputs}
    inputs, outputs, output = session.get_inputs(), session.get_outputs(), manifest.output
    return (
        {entry.name for entry in inputs} == wanted.keys()
        and all(wanted[entry.name].is_met_by(entry) for entry in inputs)
        and [(o.name, o.type, list(o.shape[1:])) for o in outputs] == [(output.name, "tensor(float)", [output.n])]
    )


def _giving_memory_back() -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
