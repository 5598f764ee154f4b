"""Encoded pictures: the bytes of a picture file that lie in an archive, in a table or in memory."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from archsmith.core.errors import DataError
from archsmith.data.images import decode as images
from archsmith.data.images.decode import Header, Pixels


class Encoded(ABC):
    """``Pictures`` that are encoded. Subclasses say where the bytes are. Errors name the picture."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def content(self, index: int) -> bytes:
        """The bytes of picture ``index``. Raises DataError."""

    @abstractmethod
    def name(self, index: int) -> str:
        """What a person would call it."""

    @abstractmethod
    def fingerprint(self) -> str: ...

    @abstractmethod
    def spec(self) -> dict[str, Any] | None: ...

    def header(self, index: int) -> Header:
        """Size and channels of picture ``index``. Raises DataError."""
        try:
            return images.header(self.content(index))
        except DataError as error:
            raise named(error, self.name(index)) from error

    def decode(self, index: int, channels: int) -> Pixels:
        """Picture ``index``, uint8 ``(h, w, channels)``. Raises DataError."""
        try:
            return images.decode(self.content(index), channels)
        except DataError as error:
            raise named(error, self.name(index)) from error


def named(error: DataError, name: str) -> DataError:
    """``error``, with the name of the picture that it speaks of."""
    beginning = "The picture "
    if not error.message.startswith(beginning):
        return error
    return DataError(f"{beginning}{name!r} {error.message.removeprefix(beginning)}", error.hint)


class Contents(Encoded):
    """Encoded pictures in memory.

    ``contents``: their bytes.
    ``names``: what a person calls them; None: by number.
    """

    def __init__(self, contents: Sequence[bytes], names: Sequence[str] | None = None) -> None:
        self.contents = contents
        self.names = names

    def __len__(self) -> int:
        return len(self.contents)

    def content(self, index: int) -> bytes:
        return bytes(self.contents[index])

    def name(self, index: int) -> str:
        return f"number {index}" if self.names is None else self.names[index]

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for content in self.contents:
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
        return digest.hexdigest()

    def spec(self) -> None:
        return None
