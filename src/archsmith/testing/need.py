"""How a law says that it is broken."""

from __future__ import annotations


def need(holds: bool, law: str, sentence: str) -> None:
    """Raises AssertionError ``law: sentence`` unless ``holds``."""
    if not holds:
        raise AssertionError(f"{law}: {sentence}")
