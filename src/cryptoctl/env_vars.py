"""The only reader of environment variables (the Lambda handlers read their own)."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_state_path


def environment() -> str | None:
    """CRYPTOCTL_ENV: the environment's name."""
    return os.environ.get("CRYPTOCTL_ENV") or None


def configuration_file() -> Path | None:
    """CRYPTOCTL_CONFIG: the configuration file."""
    return _path("CRYPTOCTL_CONFIG")


def state_directory() -> Path:
    """Where this machine's own state is kept: CRYPTOCTL_STATE_DIR, else the user's state directory."""
    return _path("CRYPTOCTL_STATE_DIR") or user_state_path("cryptoctl")


def colour_wanted() -> bool:
    """False where NO_COLOR is set to anything."""
    return not os.environ.get("NO_COLOR")


def editor() -> str:
    """The person's editor: VISUAL, else EDITOR, else vi."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def aws_files() -> tuple[Path, Path]:
    """The AWS configuration and credentials files, as boto3 finds them."""
    home = Path("~/.aws").expanduser()
    return (
        _path("AWS_CONFIG_FILE") or home / "config",
        _path("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials",
    )


def aws_region() -> str | None:
    """AWS_REGION, which boto3 does not read, before AWS_DEFAULT_REGION, as in every other AWS tool."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


def _path(name: str) -> Path | None:
    text = os.environ.get(name)
    return Path(text).expanduser() if text else None
