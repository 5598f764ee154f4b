"""Families of networks that differ as much as pictures do: residual stages, wide convolutions, inverted bottlenecks,
linear layers, strips, patches, shared parts, attention, and published cells.

Ours. The first decision is the family. Each family then asks a few questions of its own; see
``archsmith.spaces.picture_convolutions``, ``picture_parts`` and ``picture_tokens``. The first options of a family are
its compact form, which takes about as long as the hand-made network of ``conv_stages``, or, of ``wide``, several times
as long. ``stages`` is that space as it is. So every architecture of ``conv_stages`` is a point here with ``family``
added.

Options are the same at every scale and for every shape. What does not fit an image is rounded (``picture_layers``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.fields import checked
from archsmith.core.space import Choose, Options
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.conv_stages import NOMINAL_FILTERS, ConvStages, ConvStagesScale
from archsmith.spaces.picture_convolutions import CONVOLUTIONS
from archsmith.spaces.picture_layers import Family
from archsmith.spaces.picture_parts import PARTS
from archsmith.spaces.picture_tokens import TOKENS
from archsmith.spaces.recipe import OpenRecipe, OwnRecipe

STAGES = "stages"
KNOWN: dict[str, Family] = {**CONVOLUTIONS, **PARTS, **TOKENS}
FAMILIES = (
    STAGES,
    "resnet",
    "inverted",
    "mlp",
    "flat",
    "strips",
    "mixer",
    "channels",
    "tiles",
    "attention",
    "cell",
    "wide",
)


@checked
@dataclass(frozen=True)
class Pictures(ImageSpace):
    """Families of networks.

    Decisions: ``family``, then those of the family under its name, such as ``resnet/width``. The family ``stages`` has
    those of ``conv_stages``, under the same paths as there. With a recipe, a family that SGD trains in a way of its own
    has that at the end, as decisions of a single option.

    ``max_work``: the most work of a network of the family ``stages``, see ``ConvStages``.
    ``scale``: ``filters`` widens or narrows every family, 16 is usual; ``dropout`` stands before the last layer.
    """

    max_work: float = 2.0
    scale: ConvStagesScale = field(default_factory=ConvStagesScale)

    cell_kinds: ClassVar[tuple[str, ...]] = (
        *("Stage", "Layer", "Strip", "Part", "MixerBlock", "TransformerBlock"),
        *("NormalCell", "ReductionCell"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stages()  # which checks the work

    def first(self) -> Architecture:
        """The plain residual 3×3 network of ``conv_stages``."""
        return self.trace(lambda path, options, weights: options[0]).architecture  # type: ignore[index]

    def decide(self, choose: Choose) -> None:
        answers: dict[str, Scalar] = {}

        def noted(path: str, options: Options, weights: Sequence[float] | None = None) -> Scalar:
            answers[path] = choose(path, options, weights)
            return answers[path]

        super().decide(noted)
        family = KNOWN.get(str(answers["family"]))
        given = self.recipe.given if isinstance(self.recipe, OpenRecipe) else {}
        if self.recipe is not None and family is not None and given.get("optimizer", "sgd") == "sgd":
            OpenRecipe(OwnRecipe(family.recipe), given).decide(choose)

    def layout(self, choose: Choose) -> None:
        family, _ = self._ask(choose)
        if family == STAGES:
            self._stages().layout(choose)

    def build(self, choose: Choose, net: Net) -> None:
        family, decided = self._ask(choose)
        if family == STAGES:
            self._stages().build(choose, net)
            return
        x = net.input("image")
        with net.scope(family, "Family", image=x):
            x = KNOWN[family].lay(net, x, decided, self.scale.filters / NOMINAL_FILTERS)
        if self.scale.dropout:
            x = net.op("dropout", x, p=self.scale.dropout)
        net.output(net.op("linear", x, features=self.n_outputs, name="classifier"))

    def _ask(self, choose: Choose) -> tuple[str, dict[str, Scalar]]:
        family = str(choose("family", FAMILIES))
        return family, KNOWN[family].ask(choose, family) if family in KNOWN else {}

    def _stages(self) -> ConvStages:
        return ConvStages(self.input_shape, self.n_outputs, max_work=self.max_work, scale=self.scale)
