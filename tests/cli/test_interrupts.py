from __future__ import annotations

import os
import signal
import threading

import pytest

from archsmith.cli.interrupts import Interrupted, Interrupts
from archsmith.core.errors import UsageError


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_asks_for_a_quiet_end() -> None:
    calls: list[str] = []
    with Interrupts(lambda: calls.append("asked")) as interrupts:
        assert not interrupts()
        press_ctrl_c()
        assert interrupts()
    assert calls == ["asked"]


def test_the_second_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts(lambda: None):
        press_ctrl_c()
        press_ctrl_c()


def test_sigterm_stops_at_once_in_the_same_way() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Interrupts(lambda: calls.append("asked")):
        os.kill(os.getpid(), signal.SIGTERM)
    assert calls == [] and signal.getsignal(signal.SIGTERM) == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_that_python_lost_comes_with_the_next_question() -> None:
    class Dying:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), Interrupts(lambda: None) as interrupts:
        Dying()  # what is raised here is lost
        interrupts()
        raise AssertionError("It went on.")


@pytest.mark.parametrize("kind", [ValueError, UsageError])
def test_an_error_that_a_library_made_of_an_end_leaves_as_an_end(kind: type[Exception]) -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts(lambda: None):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise kind("'w' is not a valid PEP 3118 buffer format string") from None


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(ValueError, match="a cause"), Interrupts(lambda: None):
        press_ctrl_c()
        raise ValueError("a cause")
    with pytest.raises(Interrupted, match="Stopped"), Interrupts(lambda: None):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise Interrupted("Stopped.") from None


def test_the_handler_from_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_in_another_thread_it_does_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with Interrupts(lambda: None) as interrupts:
            seen.append((interrupts(), signal.getsignal(signal.SIGINT) == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
