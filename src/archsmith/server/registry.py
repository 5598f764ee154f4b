"""All models of a server by name, and the exchange of one for its next version while requests run.

The folder of each model is looked at now and then. A new version is loaded and warmed beside the old one and then takes
its place. A request keeps the version that it began with. A version that cannot be loaded is refused and said, and the
old one goes on.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsmith.core.errors import UsageError, told
from archsmith.core.files import expanded
from archsmith.server.model import Model, load, signature
from archsmith.server.refusals import Refusal
from archsmith.server.settings import Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

LOADED, SWAPPED, REFUSED, GONE = "loaded", "swapped", "refused", "gone"


@dataclass(eq=False)
class Place:
    """Where a model comes from, and its version of the moment.

    ``name``, ``folder``: of the model.
    ``model``: what is served; None before the first loading.
    ``seen``: the state of the files that was last tried.
    ``refused``: why the latest version is not served.
    """

    name: str
    folder: Path
    model: Model | None = None
    seen: tuple[Any, ...] | None = None
    refused: str | None = None


class Registry:
    """The models.

    ``settings``: of the server.
    ``tell``: is called with what happened to which place: ``loaded``, ``swapped``, ``refused`` or ``gone``.
    ``on_call``: is told model and number of examples of each call of a network.
    """

    def __init__(
        self,
        folders: Sequence[str | Path],
        names: Sequence[str] = (),
        settings: Settings | None = None,
        tell: Callable[[str, Place], None] = lambda what, place: None,
        on_call: Callable[[str, int], None] = lambda name, n: None,
    ) -> None:
        """Raises UsageError where names are missing, wrong or given twice."""
        self.settings = settings or Settings()
        self.tell = tell
        self.on_call = on_call
        self.executor = ThreadPoolExecutor(self.settings.threads, thread_name_prefix="network")
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self.places = {place.name: place for place in _places(folders, names)}
        self._checking = asyncio.Lock()

    def load(self) -> None:
        """Load and warm all models. Raises UsageError for the first that cannot be served."""
        for place in self.places.values():
            place.seen = signature(place.folder)
            place.model = self._load(place)
            self.tell(LOADED, place)

    def get(self, name: str) -> Model:
        """The model of that name. Raises Refusal."""
        place = self.places.get(name)
        if place is None or place.model is None:
            raise Refusal(404, "no_model", f"There is no model {name[:64]!r}.", "GET /v1/models lists them.")
        return place.model

    @property
    def models(self) -> list[Model]:
        return [place.model for place in self.places.values() if place.model is not None]

    @property
    def is_ready(self) -> bool:
        """Are all models loaded?"""
        return all(place.model is not None for place in self.places.values())

    async def check(self) -> None:
        """Look at all folders once, and exchange what has changed."""
        async with self._checking:
            for place in self.places.values():
                await self._check(place)

    async def watch(self) -> None:
        """Look at the folders for ever."""
        while True:
            await asyncio.sleep(self.settings.poll_seconds)
            await self.check()

    def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _load(self, place: Place) -> Model:
        return load(place.name, place.folder, self.settings, self.executor, lambda n: self.on_call(place.name, n))

    async def _check(self, place: Place) -> None:
        found = signature(place.folder)
        if found == place.seen:
            return
        place.seen = found
        if found is None:
            place.refused = None  # what was refused is gone, too
            self.tell(GONE, place)
            return
        try:
            model = await asyncio.get_running_loop().run_in_executor(self._loader, self._load, place)
        except Exception as error:  # whatever is wrong with it, the old one goes on
            place.refused = str(error) if isinstance(error, UsageError) else told(error)
            self.tell(REFUSED, place)
            return
        place.refused = None
        if place.model is None or model.version != place.model.version:
            place.model = model
            self.tell(SWAPPED, place)


def _places(folders: Sequence[str | Path], names: Sequence[str]) -> list[Place]:
    if not folders:
        raise UsageError("There is no model to serve.", "Name the folder of a bundle.")
    if names and len(names) != len(folders):
        raise UsageError(
            f"There are {len(folders)} models and {len(names)} names.", "Give --name once for each, in their order."
        )
    found: dict[str, Place] = {}
    for index, folder in enumerate(folders):
        path = Path(os.path.abspath(expanded(folder)))  # a link stays one, so that it may lead to the next version
        name = names[index] if names else path.stem if path.is_file() else path.name
        if not NAME.fullmatch(name):
            raise UsageError(
                f"A model cannot be called {name!r}: names begin with a letter or digit, and have up to 64 letters, "
                "digits, '.', '_' and '-'.",
                "Give another with --name.",
            )
        if name in found:
            raise UsageError(
                f"Two models are called {name!r}: {str(found[name].folder)!r} and {str(path)!r}.",
                "Give a --name to each, in their order.",
            )
        found[name] = Place(name, path)
    return list(found.values())
