"""How a law says that it is broken: an AssertionError with its name and one sentence, whatever went wrong."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from archsmith.core.errors import ArchsmithError, told

_PACKAGE = Path(__file__).resolve().parent.parent
_BETWEEN = (contextlib.__file__, dataclasses.__file__, "<string>")  # the last: methods that dataclasses writes


class Broken(AssertionError):
    """A law is broken. Its text is ``law: sentence``."""


def need(holds: bool, law: str, sentence: str) -> None:
    """Raises Broken ``law: sentence`` unless ``holds``."""
    if not holds:
        raise Broken(f"{law}: {sentence}")


@contextlib.contextmanager
def keeping(law: str, what: str = "") -> Iterator[None]:
    """Around a law, in a ``with`` or as a decorator: an error of the part that is checked breaks the law too. The
    sentence says where it came from, and begins with ``what``.
    """
    try:
        yield
    except Broken:
        raise
    except (Exception, SystemExit) as error:
        # A recursion that does not end would bring a thousand lines along.
        raise Broken(f"{law}: {what}{_how(error)}") from (None if _endless(error) else error)


def _how(error: BaseException) -> str:
    where = _where(error)
    if isinstance(error, RecursionError):
        return f"{where or 'the program'} calls itself without an end."
    if where is not None:
        return f"{where} raised {told(error)}"
    if isinstance(error, ArchsmithError):
        foreign = error.__cause__ is not None and not isinstance(error.__cause__, ArchsmithError | RecursionError)
        return error.message if foreign else str(error)  # the hint then is about the command line
    return told(error)


def _where(error: BaseException) -> str | None:
    """Where the code of the part that is checked begins: the outermost place outside of this package."""
    here = error.__traceback__
    while here is not None:
        code = here.tb_frame.f_code
        file = Path(code.co_filename)
        if code.co_filename not in _BETWEEN and _PACKAGE not in file.resolve().parents:
            return f"{code.co_qualname} (line {here.tb_lineno} of {file.name})"
        here = here.tb_next
    return None


def _endless(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, RecursionError):
        error = error.__cause__ or error.__context__
    return error is not None
