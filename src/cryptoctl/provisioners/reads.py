"""Reads that may find nothing: what is not there, and what the caller may not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cryptoctl.reconcile import Aws, AwsError

T = TypeVar("T")


def all_pages(
    aws: Aws, service: str, operation: str, key: str, *, not_found: str | tuple[str, ...], **params: Any
) -> list[Any] | None:
    """Everything under `key`; None where a code of `not_found` says that what it belongs to is not there."""
    try:
        return list(aws.paginate(service, operation, key, **params))
    except AwsError as error:
        if error.code in ((not_found,) if isinstance(not_found, str) else not_found):
            return None
        raise


def if_allowed(read: Callable[[], T]) -> T | None:
    """What is read; None where the caller lacks the right to."""
    try:
        return read()
    except AwsError as error:
        if error.denied:
            return None
        raise
