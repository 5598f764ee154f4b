"""Sentences that name options of the command line, for somebody who called from Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from archsmith.core.errors import ArchsmithError

FLAGS = (
    (re.compile(r"\s*\((?:--[\w-]+, )?\w+= in Python\)"), ""),
    (re.compile(r"leave out --task regression"), "use a classifier"),
    (re.compile(r"say --task (regression|classification)"), r"use an estimator for \1"),
    (re.compile(r"(?:[Ww]ith )?--task (regression|classification) (to|they)"), r"with an estimator for \1 \2"),
    (re.compile(r"--no-(\w+)"), r"\1=False"),
    (re.compile(r"--(balance|replace)"), r"\1=True"),
    (re.compile(r"--(time) (\d+[smh])"), r'\1="\2"'),
    (re.compile(r"--image-column"), "the name of the column of pictures"),
)
COMMAND = re.compile(r"(archsmith [a-z]+(?: [^;.]*)?)")  # which stays as it is
FLAG = re.compile(r"(?<![^\s(])--(\w[\w-]*)")  # no value of the data, which stands in quotes


def in_python(text: str) -> str:
    """``text`` with arguments of Python in place of options: ``--target`` becomes ``target=``."""
    return "".join(part if COMMAND.fullmatch(part) else _translated(part) for part in COMMAND.split(text))


def _translated(text: str) -> str:
    for found, words in FLAGS:
        text = found.sub(words, text)
    return FLAG.sub(lambda flag: f"{flag[1].replace('-', '_')}=", text)


@contextmanager
def speaking_python() -> Iterator[None]:
    """Errors of this library that are raised inside speak of arguments instead of options."""
    try:
        yield
    except ArchsmithError as error:
        error.message = in_python(error.message)
        error.hint = None if error.hint is None else in_python(error.hint)
        error.args = (error.message,)
        raise
