"""What goes with a study that is removed, and what stays: in words, for the command line and the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archsmith.automl.glance import bundle_of
from archsmith.core.wording import size, visible
from archsmith.runtime.removing import n_bytes
from archsmith.runtime.study_view import try_view


@dataclass(frozen=True)
class Leaving:
    """A study before its removal.

    id: the name of its folder.
    n_bytes: of its files.
    link: is its folder a link to another place, which stays?
    bundle: where its bundle lies; None without one.
    kept: does that lie elsewhere, and stay?
    """

    id: str
    n_bytes: int
    link: bool
    bundle: str | None
    kept: bool

    @property
    def words(self) -> str:
        """Sentences that say what happens."""
        if self.link:
            return "Its folder is a link; only the link is removed, and what it leads to stays."
        told = f"Its log, its trials and its report are deleted for good ({size(self.n_bytes)})."
        if self.bundle is None:
            return told
        if self.kept:
            return f"{told} Its bundle stays, in {visible(self.bundle)}."
        return f"{told} So is its bundle; no other copy of it is known."


def leaving(folder: Path) -> Leaving:
    """What there is to say of the study in ``folder``, also of one that cannot be read."""
    bundle = bundle_of(try_view(folder))
    kept = bundle is not None and not Path(bundle).resolve().is_relative_to(folder.resolve())
    return Leaving(folder.name, n_bytes(folder), folder.is_symlink(), bundle, kept)
