"""All errors of this library: what went wrong in one sentence, and what to do about it in another."""

from __future__ import annotations

LONGEST = 1_000  # characters of a message: what it names may be a cell of megabytes


def shortened(text: str) -> str:
    """``text``; without its middle where it is far too long for a sentence."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 3 :]}"


class ArchsmithError(Exception):
    """Everything that this library raises on purpose.

    ``message``: what is wrong, naming the value.
    ``hint``: what to do next.
    ``exit_code``: what the command line returns.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        message, hint = shortened(message), None if hint is None else shortened(hint)
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; the default reduction would drop the hint.
        return (type(self), (self.message, self.hint), dict(self.__dict__))


def told(error: BaseException) -> str:
    """``ValueError: what it says``, of any error of anybody's code: some cannot say anything, some say what cannot be
    written down.
    """
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its text cannot be read)"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# of an error of anybody's code, which stands as the cause behind ours
TRACEBACK = "The traceback says where. The command line shows it with --debug."


class UsageError(ArchsmithError):
    """An argument, option, file or part that cannot be used as given; raised before the first trial where possible."""

    exit_code = 2


class DataError(UsageError):
    """Data that cannot be learnt from as they are."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is not installed; the hint carries the install line. It is an ImportError too, so that
    ``try: from archsmith import ImageClassifier`` can be caught as usual.
    """

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingExtraError:
        return cls(
            f"{purpose} needs the package {package!r}, which is not installed.",
            f'Install it with: pip install "archsmith[{extra}]" (in a clone: pip install -e ".[{extra}]")',
        )

    @classmethod
    def alone(cls, package: str, purpose: str) -> MissingExtraError:
        """For a package that is enough by itself, where its extra would bring far more."""
        return cls(
            f"{purpose} needs the package {package!r}, which is not installed.",
            f"Install it with: pip install {package}",
        )


class InvalidArchitectureError(UsageError):
    """An architecture that is not a point of the space it is used with."""


class DeadEnd(ArchsmithError):
    """A space's program cannot go on from these answers. Samplers draw again; a controller counts it as a failure."""


class StudyError(ArchsmithError):
    """A study cannot be opened, resumed or written."""


class NoStudyError(StudyError, UsageError):
    """There is no such study, or more than one: its name or path is mistyped."""


class LeaseError(StudyError):
    """Another live process is writing to this study."""


class EvaluationError(ArchsmithError):
    """A trial failed, or an evaluator's preparation. Of a trial it becomes the outcome and never leaves the loop.

    ``kind``: one of ``exception, nan, memory, timeout, diverged, lost, dead_end, screened``.
    ``retryable``: whether a second try could succeed.
    """

    def __init__(
        self, message: str, hint: str | None = None, *, kind: str = "exception", retryable: bool = False
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.retryable = retryable


class Stopped(ArchsmithError):
    """An evaluation stops at once because it was asked to. The trial stays pending and is run again on resume."""
