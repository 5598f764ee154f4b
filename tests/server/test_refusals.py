"""Errors as callers get them."""

from __future__ import annotations

import json

from archsmith.core.errors import DataError
from archsmith.server.refusals import Refusal, malformed


def test_the_body_says_code_message_and_hint() -> None:
    assert json.loads(Refusal(413, "too_large", "Too large.", "Send less.").body()) == {
        "error": {"code": "too_large", "message": "Too large.", "hint": "Send less."}
    }


def test_an_error_of_this_library_keeps_its_sentences() -> None:
    found = Refusal.of(DataError("It is broken.", "Mend it."))
    assert (found.status, found.code, found.message, found.hint) == (422, "bad_example", "It is broken.", "Mend it.")


def test_busy_says_when_to_ask_again() -> None:
    assert Refusal.busy("Full.").status == 503 and Refusal.busy("Full.").headers == {"retry-after": "1"}


def test_long_values_are_cut() -> None:
    assert len(malformed("x" * 10_000).message) < 1_000
