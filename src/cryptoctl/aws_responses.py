"""AWS's responses: reading a member that is always sent and is missing raises Failure."""

from __future__ import annotations

from typing import Any, NoReturn

from cryptoctl.botocore_errors import endpoint_settings
from cryptoctl.errors import ExitCode, Failure

DATA = frozenset({"Item", "Items"})
"""Members that hold what somebody stored, and not what AWS says."""


class AwsResponse(dict[str, Any]):
    """A structure of an answer. Looking up a member that it lacks raises Failure.

    Of a body that is empty or cut botocore makes an answer without members, and simulators of AWS leave
    out some that AWS always sends. What AWS may leave out is read with `get`.
    """

    __slots__ = ("operation",)

    def __init__(self, members: dict[str, Any], operation: str) -> None:
        super().__init__(
            {name: value if name in DATA else _part(value, operation) for name, value in members.items()}
        )
        self.operation = operation

    def __missing__(self, name: str) -> NoReturn:
        raise Failure(
            ExitCode.UNREACHABLE,
            f"The answer to {self.operation} has no {name}, which AWS always sends.",
            "What answers is not AWS, or only something like it. Check the proxy, and "
            f"{endpoint_settings(self.operation)}.",
        )


def _part(value: Any, operation: str) -> Any:
    if isinstance(value, dict):
        return AwsResponse(value, operation)
    return [_part(each, operation) for each in value] if isinstance(value, list) else value
