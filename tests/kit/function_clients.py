"""Gives the handlers other clients than botocore's, or none, so that the next request makes them anew."""

from __future__ import annotations

from typing import Any

from cryptoctl.handlers import clients


def connect(**by_service: Any) -> None:
    """From now on the handlers use these clients (`dynamodb`, `sns`, `sqs`, `ssm`)."""
    clients._clients.update(by_service)


def connect_all(client: object) -> None:
    """From now on the handlers ask this one client for everything."""
    connect(dynamodb=client, sns=client, sqs=client, ssm=client)


def disconnect() -> None:
    """Forgets the clients, and botocore's session with its credentials."""
    clients._clients.clear()
    clients._session.cache_clear()
