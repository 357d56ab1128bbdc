"""The functions' logs, merged in order of time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from cryptoctl.aws import Aws, AwsError
from cryptoctl.core.json_text import nested_deeper
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.times import now_ms
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.log_group import NOT_FOUND
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.retry import Clock, RealClock
from cryptoctl.stack import Stack

POLL_S = 1.0
MAX_DEPTH = 50
RECENT_MS = 300_000
MAX_PAGES = 2
# CloudWatch Logs takes a few of these requests a second for a whole account, and many people may follow.
MAX_POLL_S = 20.0
LONGER = 1.5
# Lines may become visible a little after their time; so far back each poll looks again.
LATE_MS = 60_000
# What a line shows of itself; the other fields follow as JSON.
SHOWN_FIELDS = (
    *("timestamp", "time", "function", "level", "log_level"),
    *("message", "errorMessage", "logger", "requestId", "type"),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One log event: milliseconds since 1970, the function, the text as it was logged."""

    id: str
    time_ms: int
    function: str
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON fields; empty where the text is no JSON object, or a very deeply nested one."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) and not nested_deeper(value, MAX_DEPTH) else {}


def permissions(stack: Stack) -> Iterator[Permission]:
    """Each function's log group is searched; where nothing is found, for its newest line."""
    for function in stack.functions:
        group = function.log_group
        yield from allow(
            Access.READ_DATA, "logs", "FilterLogEvents DescribeLogStreams", group.arn, group.streams_arn
        )


def lines(
    aws: Aws,
    functions: Sequence[Function],
    since_ms: int,
    until_ms: int | None = None,
    pattern: str | None = None,
) -> list[Line]:
    """What the functions have logged since then, merged. Raises Failure where none has a log group.

    `pattern` is a filter pattern of CloudWatch Logs.
    """

    def read(function: Function) -> list[Line] | None:
        try:
            return list(function_lines(aws, function, since_ms, until_ms, pattern))
        except AwsError as error:
            if error.code == NOT_FOUND:
                return None
            raise

    results = aws.map(read, functions)
    if all(result is None for result in results):
        raise not_deployed(aws, functions[0].scope, str(functions[0].log_group))
    return in_order(line for result in results for line in result or ())


def in_order(lines: Iterable[Line]) -> list[Line]:
    """The lines in order of time."""
    return sorted(lines, key=lambda line: line.time_ms)


def function_lines(
    aws: Aws, function: Function, since_ms: int, until_ms: int | None = None, pattern: str | None = None
) -> Iterator[Line]:
    """One function's, read as they are asked for, page by page; in no certain order. Raises AwsError."""
    filters = {"endTime": until_ms, "filterPattern": pattern}
    events = aws.paginate(
        "logs",
        "FilterLogEvents",
        "events",
        logGroupName=function.log_group.name,
        startTime=since_ms,
        **{name: value for name, value in filters.items() if value is not None},
    )
    return (_line(function, event) for event in events)


class Matches(NamedTuple):
    """The lines that a search of a bounded length has found, and whether it has seen all there are."""

    lines: list[Line]
    complete: bool


def matching(aws: Aws, functions: Sequence[Function], since_ms: int, pattern: str) -> Matches:
    """The lines since then that match a filter pattern of CloudWatch Logs, merged.

    At most two pages for each function and each of two windows, so that a search ends in two round trips:
    of the last minutes all, of the time before as much as there is room for.
    """
    now = now_ms()
    recent_ms = max(since_ms, now - RECENT_MS)
    windows = [(recent_ms, now + RECENT_MS)] + ([(since_ms, recent_ms - 1)] if since_ms < recent_ms else [])

    def read(search: tuple[Function, tuple[int, int]]) -> Matches:
        function, (begin_ms, end_ms) = search
        request: dict[str, Any] = {
            "logGroupName": function.log_group.name,
            "startTime": begin_ms,
            "endTime": end_ms,
            "filterPattern": pattern,
        }
        lines: list[Line] = []
        for _ in range(MAX_PAGES):
            response = aws.find("logs", "FilterLogEvents", not_found=NOT_FOUND, **request)
            lines += [_line(function, event) for event in (response or {}).get("events", ())]
            if not response or "nextToken" not in response:
                return Matches(lines, complete=True)
            request["nextToken"] = response["nextToken"]
        return Matches(lines, complete=False)

    results = aws.map(read, list(product(functions, windows)))
    lines = in_order(line for result in results for line in result.lines)
    return Matches(lines, complete=all(result.complete for result in results))


def newest_ms(aws: Aws, functions: Sequence[Function]) -> int | None:
    """When the functions have last logged anything, as far as CloudWatch Logs knows; None where never."""

    def read(function: Function) -> int | None:
        response = aws.find(
            "logs",
            "DescribeLogStreams",
            not_found=NOT_FOUND,
            logGroupName=function.log_group.name,
            orderBy="LastEventTime",
            descending=True,
            limit=1,
        )
        times_ms = [
            stream.get("lastEventTimestamp") for stream in (response["logStreams"] if response else [])
        ]
        return max((time_ms for time_ms in times_ms if time_ms is not None), default=None)

    return max((time_ms for time_ms in aws.map(read, functions) if time_ms is not None), default=None)


def follow(
    aws: Aws, functions: Sequence[Function], since_ms: int, clock: Clock | None = None
) -> Iterator[Line]:
    """The lines since then, and then each new one, for ever.

    While nothing new comes, and where AWS is asked too often, it looks less and less often.
    """
    clock, seen, pause_s = clock or RealClock(), dict[str, int](), POLL_S
    while True:
        fresh = [line for line in _lines_unless_throttled(aws, functions, since_ms) if line.id not in seen]
        seen |= {line.id: line.time_ms for line in fresh}
        yield from fresh
        pause_s = POLL_S if fresh or not aws.has_shared_quotas else min(pause_s * LONGER, MAX_POLL_S)
        latest_ms = max(seen.values(), default=since_ms)
        since_ms = max(since_ms, latest_ms - LATE_MS)
        seen = {key: time_ms for key, time_ms in seen.items() if time_ms >= since_ms}
        clock.sleep(pause_s)


def _lines_unless_throttled(aws: Aws, functions: Sequence[Function], since_ms: int) -> list[Line]:
    """The lines; none where AWS is asked too often just now: they come with the next look."""
    try:
        return lines(aws, functions, since_ms)
    except AwsError as error:
        if error.throttled:
            return []
        raise


def _line(function: Function, event: dict[str, Any]) -> Line:
    text = event["message"].rstrip("\n")
    made_up_id = f"{event.get('logStreamName', '')}/{event['timestamp']}/{hash(text)}"
    return Line(
        id=event.get("eventId") or made_up_id, time_ms=event["timestamp"], function=function.name, text=text
    )
