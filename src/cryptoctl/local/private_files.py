"""Files and directories that are for one user alone: access keys and prices lie in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def open_private(file: Path, flags: int) -> int:
    """A descriptor of a file that is made, where it is missing, for its owner alone. A link is not followed,
    so that nobody can have another file written. Raises OSError."""
    return os.open(file, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def why_not_private(directory: Path) -> str:
    """What lets somebody else put files into a directory, or another in its place; empty where nothing does.

    The one that it is in may be a shared one, such as /tmp: there others cannot touch what is not theirs.
    """
    if not hasattr(os, "geteuid"):
        return ""
    for place, shared in ((directory.parent, True), (directory, False)):
        try:
            status, itself = place.stat(), place.lstat()
        except OSError:
            return ""
        if not {status.st_uid, itself.st_uid} <= {os.geteuid(), 0}:
            return f"{place} belongs to another user"
        others = stat.S_IWOTH if shared else stat.S_IWGRP | stat.S_IWOTH
        if status.st_mode & others and not (shared and status.st_mode & stat.S_ISVTX):
            return f"others may write to {place}"
    return ""


def make_private(directory: Path) -> None:
    """Makes a directory and those above it; if it is there already, takes from others what they may do in it.
    Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "geteuid") and directory.stat().st_uid == os.geteuid():
        directory.chmod(0o700)
