"""AWS's responses: a member that is missing, or a value that AWS never sends, raises Failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from cryptoctl.botocore_errors import endpoint_settings
from cryptoctl.errors import ExitCode, Failure, PossibleDefect

DATA = frozenset({"Item", "Items"})
"""Members that hold what somebody stored, and not what AWS says."""
NOT_AWS = "What answers is not AWS, or only something like it: `cryptoctl doctor` says where requests go."


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


@contextmanager
def parsing_response(subject: object) -> Iterator[None]:
    """Raises PossibleDefect where the block cannot read a value in what AWS answers about `subject`.

    Text that should be JSON, a time or a number is any text to botocore.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise PossibleDefect(
            ExitCode.UNREACHABLE,
            f"The answers about {subject} are of another form than AWS's ({type(error).__name__}: {error}).",
            f"{NOT_AWS} If they go to AWS, this is a defect of cryptoctl: please report it with what "
            "--verbose shows.",
        ) from error


def _part(value: Any, operation: str) -> Any:
    if isinstance(value, dict):
        return AwsResponse(value, operation)
    return [_part(member, operation) for member in value] if isinstance(value, list) else value
