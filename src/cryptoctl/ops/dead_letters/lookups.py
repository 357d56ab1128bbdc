"""What a function logged of one request, where the lines still exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from cryptoctl.aws import Aws, AwsError
from cryptoctl.ops.logs import Line
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.log_group import NOT_FOUND
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

# An asynchronous event is tried for six hours at most before it is a dead letter.
TRIED_FOR_MS = 6 * 3_600_000
LATE_MS = 60_000
MOST_LINES = 30
# It becomes part of a filter pattern, so it must be nothing but an id.
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


def permissions(stack: Stack) -> Iterator[Permission]:
    """The lines of a request are searched in its function's log group."""
    for function in (stack.webhook, stack.enricher):
        group = function.log_group
        yield from allow(Access.OPERATE, "logs", "FilterLogEvents", group.arn, group.streams_arn)


def lines_of(aws: Aws, function: Function, request_id: str, dead_ms: int) -> list[Line]:
    """The lines of the request that became a dead letter at `dead_ms`, in order of time."""
    found = islice(_lines(aws, function, request_id, dead_ms), MOST_LINES)
    return sorted(found, key=lambda line: line.time_ms)


def begun_ms(aws: Aws, function: Function, request_id: str, dead_ms: int) -> int | None:
    """When the function first saw the request; None where no line is left of it."""
    return min((line.time_ms for line in _lines(aws, function, request_id, dead_ms)), default=None)


def _lines(aws: Aws, function: Function, request_id: str, dead_ms: int) -> Iterator[Line]:
    if not _REQUEST_ID.fullmatch(request_id):
        return
    events = aws.paginate(
        "logs",
        "FilterLogEvents",
        "events",
        logGroupName=function.log_group.name,
        startTime=dead_ms - TRIED_FOR_MS,
        endTime=dead_ms + LATE_MS,
        filterPattern=f'"{request_id}"',
    )
    try:
        for event in events:
            text = str(event["message"]).rstrip("\n")
            yield Line(
                id=str(event.get("eventId", "")),
                time_ms=event["timestamp"],
                function=function.name,
                text=text,
            )
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
