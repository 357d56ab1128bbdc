"""The commands that install what only some of cryptoctl needs, for the interpreter that runs it."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

SOURCE_TREE: Final[Path] = Path(__file__).parents[2]


def install_command(*packages: str) -> str:
    """The command that installs packages, as a shell reads it."""
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


def install_extra(extra: str) -> str:
    """The command that installs the requirements of an extra, wherever cryptoctl came from.

    They are named themselves: an index may have no cryptoctl, or somebody else's.
    """
    try:
        requirements = [requirement.partition(";") for requirement in metadata.requires("cryptoctl") or ()]
    except metadata.PackageNotFoundError:  # it runs from its source tree, which says what the extra is
        return install_command(f"{SOURCE_TREE}[{extra}]")
    return install_command(
        *(name.strip() for name, _, marker in requirements if re.search(rf"extra == .{extra}\W", marker))
    )
