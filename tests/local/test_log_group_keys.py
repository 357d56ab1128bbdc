"""AssociateKmsKey alone sets a log group's key, and DisassociateKmsKey alone takes it away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.local.database import Database
from cryptoctl.local.http import DEFAULT_REGION, HttpRequest, ServiceError
from cryptoctl.local.logs.api import LogsApi
from cryptoctl.local.logs.store import LogStore

KEY = "arn:aws:kms:us-east-1:000000000000:key/k"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LogStore]:
    """A log group without a key."""
    database = Database(tmp_path / "store")
    store = LogStore(database)
    store.add_group(DEFAULT_REGION, "g")
    yield store
    database.close()


def ask(store: LogStore, operation: str, **params: str) -> None:
    nothing: Any = None
    body = json.dumps({"logGroupName": "g", **params}).encode()
    request = HttpRequest("POST", "/", {"x-amz-target": f"Logs_20140328.{operation}"}, body)
    asyncio.run(LogsApi(nothing, store, nothing).handle(request))


def test_a_request_without_a_key_is_refused_and_takes_none_away(store: LogStore) -> None:
    ask(store, "AssociateKmsKey", kmsKeyId=KEY)
    with pytest.raises(ServiceError, match=r"InvalidParameterException: .*'kmsKeyId'"):
        ask(store, "AssociateKmsKey")
    assert store.keys(DEFAULT_REGION) == {"g": KEY}


def test_a_key_that_is_named_is_taken_away_as_well(store: LogStore) -> None:
    ask(store, "AssociateKmsKey", kmsKeyId=KEY)
    ask(store, "DisassociateKmsKey", kmsKeyId=KEY)
    assert store.keys(DEFAULT_REGION) == {"g": None}
