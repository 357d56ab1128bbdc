"""What a command finds around it: the user's credentials, region and endpoints."""

from __future__ import annotations

from pathlib import Path

import pytest


def only_credentials(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Access keys in the environment; nothing else says anything of AWS. `directory` may get a `config`."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(directory / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
