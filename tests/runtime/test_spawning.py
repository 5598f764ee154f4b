from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from archsmith.runtime.spawning import THREAD_VARIABLES, numeric_threads, spawning

ASK = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
posix = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="there are no signal masks here")


def python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


@posix
def test_a_process_born_inside_never_hears_ctrl_c_and_one_born_later_does() -> None:
    with spawning(1):
        inside = python(ASK)
    assert (inside, python(ASK)) == ("True", "False")


@posix
def test_the_first_spawned_process_of_a_program_is_deaf_too() -> None:
    """The start of multiprocessing's resource tracker, which comes with the first process, lifts the mask."""
    code = (
        "import signal\nfrom multiprocessing import resource_tracker\nfrom archsmith.runtime.spawning import spawning\n"
        "with spawning(1):\n    resource_tracker.ensure_running()\n"
        "    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    )
    assert python(code) == "True"


@posix
def test_the_parent_hears_afterwards_what_came_meanwhile() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), spawning(1):
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # of a signal to the process any thread may hear
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_child_is_born_with_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREAD_VARIABLES[0], "7")
    monkeypatch.delenv(THREAD_VARIABLES[1], raising=False)
    with numeric_threads(3):
        assert [os.environ[name] for name in THREAD_VARIABLES] == ["3"] * len(THREAD_VARIABLES)
    assert (os.environ[THREAD_VARIABLES[0]], os.environ.get(THREAD_VARIABLES[1])) == ("7", None)
