"""The only reader of environment variables (the Lambda handlers read their own)."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_state_path

from cryptoctl.errors import InputError


def environment() -> str | None:
    """CRYPTOCTL_ENV: the environment's name."""
    return os.environ.get("CRYPTOCTL_ENV") or None


def configuration_file() -> Path | None:
    """CRYPTOCTL_CONFIG: the configuration file."""
    return _path("CRYPTOCTL_CONFIG")


def state_directory() -> Path:
    """Where this machine's own state is kept: CRYPTOCTL_STATE_DIR, else the user's state directory.

    Raises Failure (USAGE) where neither is known.
    """
    try:
        return _path("CRYPTOCTL_STATE_DIR") or user_state_path("cryptoctl")
    except RuntimeError:  # as in a container that runs as a user of no name
        raise InputError(
            "It is not known where to keep this machine's own state: HOME names no absolute path, and the "
            "user has no home directory.",
            "Set CRYPTOCTL_STATE_DIR, or HOME, to a directory that can be written to.",
        ) from None


def colour_wanted() -> bool:
    """False where NO_COLOR is set to anything."""
    return not os.environ.get("NO_COLOR")


def forget_unknown_size() -> None:
    """Removes COLUMNS or LINES of 0, as where no terminal has a size: Rich would write nothing at all."""
    for name in ("COLUMNS", "LINES"):
        if not os.environ.get(name, "1").strip("0"):
            del os.environ[name]


def editor() -> str:
    """The person's editor: VISUAL, else EDITOR, else vi."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def aws_files() -> tuple[Path, Path]:
    """The AWS configuration and credentials files, as boto3 finds them."""
    files = (("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    config, credentials = (
        Path(os.path.expanduser(os.environ.get(name) or default))  # noqa: PTH111 - unlike Path's, it never fails
        for name, default in files
    )
    return config, credentials


def aws_region() -> str | None:
    """AWS_REGION, which boto3 does not read, before AWS_DEFAULT_REGION, as in every other AWS tool."""
    values = (os.environ.get(name, "").strip() for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    return next(filter(None, values), None)


def _path(name: str) -> Path | None:
    """The path in that variable. Raises Failure (USAGE) where its ~ stands for no known home directory."""
    text = os.environ.get(name)
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:
        raise InputError(
            f"{name} is {text!r}, and that home directory is not known.",
            f"Set {name} to a path without ~, or unset it.",
        ) from None
