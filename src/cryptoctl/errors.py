"""The errors that a person can act on: a closed list, each with its exit code."""

from __future__ import annotations

import errno
from enum import IntEnum

OPEN_FILES_HINT = "Raise the limit of open files (`ulimit -n 1024`)."


class ExitCode(IntEnum):
    """The exit codes. docs/commands.md has the same table; a test compares them."""

    FAILED = 1
    """something could not be done; the message says what, and what was done"""
    USAGE = 2
    """the command line, the configuration or the input is wrong; nothing was changed"""
    DIFFERENCES = 3
    """`plan --exit-code` found something to do, or `status --exit-code` what needs attention"""
    CREDENTIALS = 4
    """AWS credentials are missing, expired, or belong to another account than the pinned one"""
    UNREACHABLE = 5
    """AWS or the embedded engine does not answer"""
    REFUSED = 6
    """refused to protect something: a protected environment, a foreign resource, a changed plan"""
    AWS = 7
    """AWS refused a request"""
    INTERRUPTED = 130
    """Ctrl-C, SIGTERM or a closed terminal; the report lists what finished; the same command goes on there"""


class Failure(Exception):
    """An error for a person: what was being done, to what, and why it failed; `hint` says what to do next."""

    def __init__(self, exit_code: ExitCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.exit_code, self.message, self.hint = exit_code, message, hint


class InputError(Failure):
    """What was given cannot be used: an option, a setting, a file. Nothing was changed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(ExitCode.USAGE, message, hint)


class PossibleDefect(Failure):
    """A failure that may lie in cryptoctl itself: its cause shows where, which --verbose prints."""


def out_of_files(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that this process or machine may open no more files."""
    seen = set[int]()  # what is raised again from its own effect is a cause of itself
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
