"""What is looked at before the first request: where it goes, and with what it is signed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def on_this_machine(endpoint_url: str) -> bool:
    """Whether requests go to an engine here, and not to AWS."""
    return urlsplit(endpoint_url).hostname in ("127.0.0.1", "::1", "localhost")


def load_credentials(session: Any) -> None:
    """Loads them once, before anything else can fail: a role is assumed, a process run, a file read.

    Raises ValueError for a key that cannot be one.
    """
    found = session.get_credentials()
    loaded = found.get_frozen_credentials() if found else None
    if loaded and any(map(str.isspace, f"{loaded.access_key}{loaded.secret_key}{loaded.token or ''}")):
        raise ValueError("there is a space or a line break in a key")


def check_port(endpoint: str) -> None:
    """Raises ValueError for an endpoint whose port is none."""
    try:
        urlsplit(endpoint).port  # noqa: B018 - botocore looks only as it signs, and raises ValueError then
    except ValueError:
        raise ValueError("The endpoint's port is no number up to 65535") from None
