"""Lists of which AWS gives one page at a time."""

from __future__ import annotations

from typing import Any

from cryptoctl.reconcile import Aws, AwsError


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
