"""Keys of the conformance suite's tables, and what refuses them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

Key = dict[str, Any]


def key(number: float | str, symbol: str = "BTC") -> Key:
    return {"symbol": {"S": symbol}, "at": {"N": str(number)}}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])
