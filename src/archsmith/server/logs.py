"""One line for each request and each event, as JSON or as plain text. Never what a request holds."""

from __future__ import annotations

import contextlib
import datetime
import sys
from typing import IO, Any

import orjson

from archsmith.core.wording import visible

JSON_LINES, PLAIN, OFF = "json", "plain", "off"
FORMS = (JSON_LINES, PLAIN, OFF)
LONGEST = 200  # characters of a value


class Log:
    """``form``: ``json``, ``plain`` or ``off``. ``to``: standard error unless another is given."""

    def __init__(self, form: str = PLAIN, to: IO[str] | None = None) -> None:
        self.form = form
        self._to = to or sys.stderr

    def say(self, event: str, **values: Any) -> None:
        """One line. Texts are cut, and cannot act on a terminal."""
        if self.form == OFF:
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        short = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in values.items()}
        if self.form == JSON_LINES:
            line = orjson.dumps({"time": now, "event": event, **short}, default=str).decode()
        else:
            line = f"{now} {event} {' '.join(f'{name}={value}' for name, value in short.items() if value != '')}"
            line = visible(line.rstrip())
        with contextlib.suppress(OSError):  # whoever read the log is gone; requests go on
            self._to.write(line + "\n")
            self._to.flush()
