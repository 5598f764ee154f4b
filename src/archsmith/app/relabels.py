"""What people say that test examples really are: one small JSON file for each model, in the app's folder."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.files import json_value, small_text, write_text

LONGEST = 200  # characters of a label
MOST = 10_000  # of one model
MOST_BYTES = 2**23


class Relabels:
    """The labels that people gave, by model and index of the test example.

    A file is written whole or not at all. One that is damaged is an error, so that nobody's work is written over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def get(self, model: str) -> dict[int, str]:
        """Of one model. Raises UsageError for a damaged file."""
        path = self._path(model)
        try:
            found = json_value(small_text(path, MOST_BYTES))
            return {int(index): str(label) for index, label in found.items()}
        except FileNotFoundError:
            return {}
        except (ArchsmithError, OSError, ValueError, AttributeError) as error:
            raise UsageError(f"The labels in {path} cannot be read.", "Mend the file, or move it away.") from error

    def put(self, model: str, index: int, label: str | None) -> dict[int, str]:
        """Keep a label, or forget it where it is None or empty; all labels of the model. Raises UsageError for one that
        is too long, for too many, and where they cannot be written.
        """
        label = None if label is None else " ".join(label.split())
        if label is not None and len(label) > LONGEST:
            raise UsageError(f"The label has {len(label):,} characters.", f"Give up to {LONGEST}.")
        with self._lock:
            found = self.get(model)
            if label:
                found[index] = label
            else:
                found.pop(index, None)
            if len(found) > MOST:
                raise UsageError(f"There are more than {MOST:,} labels.", "Take the list, and remove some.")
            text = json.dumps({str(i): found[i] for i in sorted(found)}, ensure_ascii=False, indent=1)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_text(self._path(model), text + "\n")
            except OSError as error:
                why = f"The labels cannot be written ({error.strerror})."
                raise UsageError(why, "Make room, then type it again.") from error
        return found

    def remove(self, model: str) -> None:
        """Forget all labels of a model."""
        with self._lock:
            self._path(model).unlink(missing_ok=True)

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.json"
