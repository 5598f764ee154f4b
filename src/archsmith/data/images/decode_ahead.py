"""Pictures in their order and at their own size. Several threads decode them before they are asked for.

Pillow lets other threads run while it decodes. Memory stays bounded, whatever the sizes of the pictures: a thread that
has opened one waits until there is room for its pixels. The picture that is asked for next never waits, so that there
is always one that goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from threading import Condition
from typing import Any

from archsmith.core.errors import DataError
from archsmith.data.images.decode import Pixels, decode
from archsmith.data.images.decode_all import GROUP_PIXELS, MAX_THREADS, available_cpus, fetched, group_size
from archsmith.data.images.encoded import named
from archsmith.data.images.source import Pictures

AHEAD_PIXELS = 48_000_000  # decoded, and not asked for yet: 144 MB in colour; two pictures of a camera

Found = Pixels | DataError


def decoded_ahead(pictures: Pictures, indexes: Sequence[int], channels: int) -> Iterator[Found]:
    """The pictures at ``indexes`` (rising), uint8 ``(h, w, channels)``, or why one cannot be read.

    Pictures without a method ``content`` (see ``Pictures``) are decoded one after the other, when they are asked for.
    """
    content = getattr(pictures, "content", None)
    if content is None:
        for index in indexes:
            try:
                yield pictures.decode(index, channels)
            except DataError as error:
                yield error
        return
    n_threads = min(MAX_THREADS, available_cpus())
    room = _Room()
    waiting: deque[Future[_Group]] = deque()
    with ThreadPoolExecutor(n_threads, "archsmith-decode") as pool:
        try:
            first, size = 0, 1
            for number in count():
                some = indexes[first : first + size]
                if some:
                    group = _Group(number, [(index, fetched(content, index)) for index in some], channels, room)
                    waiting.append(pool.submit(group.decoded))
                    first += len(some)
                    if len(waiting) <= 2 * n_threads:
                        continue
                elif not waiting:
                    return
                group = waiting.popleft().result()
                for index, found in group.results():
                    yield named(found, pictures.name(index)) if isinstance(found, DataError) else found
                size = group_size(group.largest)
        finally:
            for future in waiting:
                future.cancel()
            room.close()


class _Room:
    """Counts the pixels that are decoded ahead."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._pixels = self._next = 0
        self._closed = False

    def enter(self, group: int, pixels: int) -> None:
        """Wait until there is room for ``pixels`` of the group with this number, or until it is the next one."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or group == self._next or self._pixels + pixels <= AHEAD_PIXELS)
            if self._closed:
                raise DataError("Nobody asks for this picture any more.")
            self._pixels += pixels

    def leave(self, pixels: int) -> None:
        """The next group was asked for. It had entered with ``pixels``."""
        with self._changed:
            self._pixels -= pixels
            self._next += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let all that wait give up."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class _Group:
    """Some pictures that one thread decodes: many small ones, or a single large one.

    ``largest``: of those that were decoded, in pixels.
    """

    def __init__(self, number: int, fetched: list[tuple[int, Any]], channels: int, room: _Room) -> None:
        self.number, self.fetched, self.channels, self.room = number, fetched, channels, room
        self.found: list[Found] = []
        self.pixels = self.largest = 0

    def decoded(self) -> _Group:
        """Decode. Where the pictures are larger than those before, only the first of them."""
        for _, item in self.fetched:
            if self.found and self.pixels > 2 * GROUP_PIXELS:
                break
            self.found.append(self._one(item, enter=True))
        return self

    def results(self) -> Iterator[tuple[int, Found]]:
        """The pictures with their indexes. What is left is decoded here."""
        self.room.leave(self.pixels)
        for place, (index, item) in enumerate(self.fetched):
            yield index, self.found[place] if place < len(self.found) else self._one(item, enter=False)

    def _one(self, item: Any, enter: bool) -> Found:
        def before(pixels: int) -> None:
            self.largest = max(self.largest, pixels)
            if enter:
                self.room.enter(self.number, pixels)
                self.pixels += pixels

        try:
            if isinstance(item, DataError):
                raise item
            return decode(item, self.channels, before=before)
        except DataError as error:
            return error
