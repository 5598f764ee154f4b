"""A request that is not answered as wished: the status, and in the body what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from archsmith.core.errors import ArchsmithError, shortened

RETRY_SECONDS = 1  # after which a server that was busy is asked again


class Refusal(Exception):
    """What is raised anywhere while a request is handled.

    ``status``: of HTTP.
    ``code``: one word for programs.
    ``message``, ``hint``: sentences for people.
    ``headers``: that go with the answer.
    ``field``: of a form, which is wrong; None where it is not one.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = shortened(message)
        self.hint = None if hint is None else shortened(hint)
        self.headers = dict(headers or {})
        self.field = field

    @classmethod
    def of(cls, error: ArchsmithError, status: int = 422, code: str = "bad_example") -> Refusal:
        """What an error of this library becomes."""
        return cls(status, code, error.message, error.hint)

    @classmethod
    def busy(cls, message: str, hint: str = "Try again soon.") -> Refusal:
        """There is too much to do; the same request may succeed soon."""
        return cls(503, "busy", message, hint, {"retry-after": str(RETRY_SECONDS)})

    def wrong(self) -> dict[str, str | None]:
        """What the answer says."""
        field = {} if self.field is None else {"field": self.field}
        return {"code": self.code, "message": self.message, "hint": self.hint, **field}

    def body(self) -> bytes:
        """The JSON of the answer."""
        return orjson.dumps({"error": self.wrong()})


def malformed(message: str, hint: str | None = None) -> Refusal:
    """A request that does not have the form that its route asks for."""
    return Refusal(400, "malformed", message, hint)
