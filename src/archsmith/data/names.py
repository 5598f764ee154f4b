"""A long list of names in little memory. As Python strings, 200,000 paths would take 20 MB."""

from __future__ import annotations

import base64
import zlib
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from archsmith.core.errors import DataError

ENCODING, ERRORS = "utf-8", "surrogateescape"  # file names may be any bytes


class Names(Sequence[str]):
    """Names, stored one after the other in one array of bytes."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._bytes = bytearray()
        self._ends = array("I", [0])  # room for 4 GB of names
        self.extend(names)

    def extend(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self._bytes += name.encode(ENCODING, ERRORS)
            except UnicodeEncodeError as error:
                raise DataError(f"The name {name[:100]!r} is no text.", "Give the file another name.") from error
            self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Names: ...
    def __getitem__(self, index: int | slice) -> str | Names:
        if isinstance(index, slice):
            return Names(self[i] for i in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"there are {len(self)} names")
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode(ENCODING, ERRORS)

    def packed(self) -> str:
        """All names as one short text (zlib, base64). No name may hold a zero byte."""
        packer = zlib.compressobj()
        out = bytearray()
        for i in range(len(self)):
            out += packer.compress(self[i].encode(ENCODING, ERRORS) + b"\0")
        return base64.b64encode(out + packer.flush()).decode("ascii")

    @classmethod
    def unpacked(cls, text: str) -> Names:
        """The names in a text that ``packed`` made."""
        return cls(name.decode(ENCODING, ERRORS) for name in zlib.decompress(base64.b64decode(text)).split(b"\0")[:-1])
