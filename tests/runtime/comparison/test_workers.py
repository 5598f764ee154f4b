from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from archsmith.core.errors import StudyError
from archsmith.runtime.comparison.workers import pool


def test_jobs_run_in_other_processes() -> None:
    with pool(1) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()


def test_an_error_in_the_block_ends_the_workers_at_once() -> None:
    with pytest.raises(ValueError, match="mine"), pool(1) as executor:
        executor.submit(os.getpid).result()
        executor.submit(time.sleep, 600)
        raise ValueError("mine")
    for child in multiprocessing.active_children():
        child.join(30.0)  # it is killed, and has to be collected
        assert not child.is_alive()


def test_a_worker_that_dies_is_told_in_words() -> None:
    with pytest.raises(StudyError, match="A worker process of the comparison died"), pool(1) as executor:
        executor.submit(os._exit, 3).result()
