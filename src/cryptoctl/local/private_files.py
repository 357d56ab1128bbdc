"""Files and directories that are for one user alone: access keys and prices lie in them."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

# Windows has neither, nor fchmod.
_NOT_A_LINK: Final[int] = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
LINK_HINT: Final[str] = "Remove the link: the engine writes to nothing that one leads to."


def open_private(file: Path, flags: int) -> int:
    """A descriptor of a file for its owner alone: made so where it is missing, else set so, for an earlier
    version's. A link is not followed, so that nobody can have another file written. Raises OSError."""
    try:
        descriptor = os.open(file, flags | os.O_CREAT | _NOT_A_LINK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{file.name} is a link", str(file)) from error
        raise
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def replace_private(file: Path, text: str) -> None:
    """Writes a file for its owner alone so that a reader sees the old one or the new one, never a half.
    Raises OSError."""
    temporary_file = file.with_suffix(".new")
    try:
        descriptor = open_private(temporary_file, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary_file.replace(file)
    except OSError:
        with suppress(OSError):
            temporary_file.unlink()
        raise


class Exposure(NamedTuple):
    """What lets somebody else put files into a directory, or another in its place; and what to do then."""

    reason: str
    hint: str


def exposure(directory: Path, *, owner_counts: bool = True) -> Exposure | None:
    """What lets somebody else write to a directory; None where nothing does.

    The one that it is in may be a shared one, such as /tmp: there others cannot touch what is not theirs.
    With `owner_counts` off, root takes it from whoever it belongs to, as in a container with a user's files.
    """
    if not hasattr(os, "geteuid"):
        return None
    for path, shared in ((directory.parent, True), (directory, False)):
        try:
            status, itself = path.stat(), path.lstat()
        except OSError:
            return None
        strangers = {status.st_uid, itself.st_uid} - {os.geteuid(), 0}
        if strangers and (owner_counts or os.geteuid() != 0):
            owner, user = _user_name(min(strangers)), _user_name(os.geteuid())
            return Exposure(
                f"{path} belongs to {owner}, and cryptoctl runs as {user}",
                f"Run it as {owner}, or name a directory of {user}'s own in CRYPTOCTL_STATE_DIR "
                "(sudo and containers may keep another user's HOME).",
            )
        write_bits = stat.S_IWOTH if shared else stat.S_IWGRP | stat.S_IWOTH
        if status.st_mode & write_bits and not (shared and status.st_mode & stat.S_ISVTX):
            return Exposure(
                f"others may write to {path}",
                "Name a directory of your own in CRYPTOCTL_STATE_DIR, or, if nobody else has put "
                "anything there, make it yours alone (`chmod 700`).",
            )
    return None


def _user_name(user_id: int) -> str:
    import pwd  # Windows has none

    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"


def make_private(directory: Path) -> None:
    """Makes a directory and those above it; if it is there already, takes from others what they may do in it.
    Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "geteuid") and directory.stat().st_uid == os.geteuid():
        directory.chmod(0o700)
