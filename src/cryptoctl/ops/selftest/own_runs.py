"""Which environments of the self-test this machine has begun: notes in the user's state directory.

A run removes its note when it has removed its environment: what a note is left of was killed.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cryptoctl import env_vars


def add(name: str) -> None:
    """Notes that this machine begins an environment, where that is possible."""
    with suppress(OSError):
        _directory().mkdir(parents=True, exist_ok=True, mode=0o700)
        (_directory() / name).touch()


def remove(name: str) -> None:
    """The environment is gone."""
    with suppress(OSError):
        (_directory() / name).unlink(missing_ok=True)


def names() -> set[str]:
    """The environments that this machine has begun and, as far as it knows, not removed."""
    try:
        return {path.name for path in _directory().iterdir()}
    except OSError:
        return set()


def _directory() -> Path:
    return env_vars.state_directory() / "selftest"
