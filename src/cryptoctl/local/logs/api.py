"""CloudWatch Logs' operations on streams, events and a group's key; all others stay with ministack."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError, json_response
from cryptoctl.local.logs.patterns import PatternError, compile_pattern
from cryptoctl.local.logs.put_checks import check_put, split_rejected
from cryptoctl.local.logs.store import LogEvent, LogStore

PAGE: Final[int] = 10_000
STREAMS_PAGE: Final[int] = 50
SCANNED_AT_ONCE: Final[int] = 20_000
START: Final = (-1, -1)
END: Final = (sys.maxsize, sys.maxsize)
_POSITION: Final = re.compile(r"(-?\d{1,18})/(-?\d{1,18})", re.ASCII)


class LogsApi:
    """A service: answers for events, and follows what happens to groups."""

    def __init__(self, forward: Forward, store: LogStore, forget_filters: Callable[[], None]) -> None:
        self._forward = forward
        self._store = store
        self._forget_filters = forget_filters

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the operation is not about events."""
        if not request.target.startswith("Logs."):
            return None
        operation = request.target.removeprefix("Logs.")
        handler = _HANDLERS.get(operation)
        if handler is not None:
            return json_response(handler(self, request.region, request.json))
        response = await self._forward(request)
        if response.status < 300:
            self._watch(operation, request.region, request.json)
            if operation == "DescribeLogGroups":
                return self._with_keys(request.region, response)
        return response

    def _watch(self, operation: str, region: str, params: dict[str, Any]) -> None:
        group = str(params.get("logGroupName") or "")
        if operation == "CreateLogGroup":
            self._store.add_group(region, group)
        elif operation == "DeleteLogGroup":
            self._store.remove_group(region, group)
        elif operation == "PutRetentionPolicy":
            self._store.retain(region, group, int(params["retentionInDays"]))
        elif operation == "DeleteRetentionPolicy":
            self._store.retain(region, group, None)
        if operation.endswith("SubscriptionFilter") or operation == "DeleteLogGroup":
            self._forget_filters()

    def _with_keys(self, region: str, response: HttpResponse) -> HttpResponse:
        """ministack knows only the key with which a group was made."""
        keys = self._store.keys(region)
        if not keys:
            return response
        content = json.loads(response.body)
        for group in content["logGroups"]:
            key = keys.get(group["logGroupName"], group.get("kmsKeyId"))
            group.pop("kmsKeyId", None)
            group.update({"kmsKeyId": key} if key else {})
        return json_response(content)

    def associate_key(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """AssociateKmsKey. Raises ServiceError where no key is named."""
        if not params.get("kmsKeyId"):
            problem = "1 validation error detected: Value at 'kmsKeyId' failed to satisfy constraint"
            raise ServiceError("InvalidParameterException", f"{problem}: Member must not be null")
        self._store.encrypt(region, self._group(region, params), params["kmsKeyId"])
        return {}

    def disassociate_key(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """DisassociateKmsKey."""
        self._store.encrypt(region, self._group(region, params), None)
        return {}

    def _group(self, region: str, params: dict[str, Any]) -> str:
        identifier = params.get("logGroupName") or params.get("logGroupIdentifier") or ""
        group = str(identifier).split(":log-group:")[-1].removesuffix(":*")
        if not self._store.has_group(region, group):
            raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def _stream(self, region: str, params: dict[str, Any]) -> tuple[str, str]:
        group = self._group(region, params)
        stream = str(params["logStreamName"])
        if self._store.stream_id(region, group, stream) is None:
            raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
        return group, stream

    def create_stream(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """CreateLogStream."""
        if not self._store.add_stream(region, self._group(region, params), params["logStreamName"]):
            raise ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")
        return {}

    def delete_stream(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteLogStream."""
        self._store.remove_stream(region, *self._stream(region, params))
        return {}

    def describe_streams(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeLogStreams."""
        prefix = params.get("logStreamNamePrefix") or ""
        if prefix and params.get("orderBy") == "LastEventTime":
            raise ServiceError("InvalidParameterException", "Cannot order by LastEventTime with a prefix.")
        streams = [
            stream
            for stream in self._store.streams(region, self._group(region, params))
            if _name(stream).startswith(prefix)
        ]
        if params.get("orderBy") == "LastEventTime":
            streams.sort(key=lambda stream: (int(stream.get("lastEventTimestamp", 0)), _name(stream)))
        else:
            streams.sort(key=_name)
        if params.get("descending"):
            streams.reverse()
        token, size = str(params.get("nextToken") or "0"), _limit(params, STREAMS_PAGE)
        if not (token.isascii() and token.isdecimal()):
            raise _invalid_token()
        start = int(token)
        response: dict[str, Any] = {"logStreams": streams[start : start + size]}
        if start + size < len(streams):
            response["nextToken"] = str(start + size)
        return response

    def put_events(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """PutLogEvents."""
        group, stream = self._stream(region, params)
        lines = [(int(event["timestamp"]), str(event["message"])) for event in params["logEvents"]]
        check_put(lines)
        taken, rejected = split_rejected(lines, int(time.time() * 1000))
        self._store.append(region, group, stream, taken)
        token = {"nextSequenceToken": str(lines[-1][0])}
        return {**token, "rejectedLogEventsInfo": rejected} if rejected else token

    def get_events(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """GetLogEvents. A token is a direction and an event's position; a page without events repeats it."""
        group, stream = self._stream(region, params)
        events = partial(
            self._store.events, region, group, _period(params), limit=_limit(params, PAGE), stream=stream
        )
        direction, position = "f" if params.get("startFromHead") else "b", None
        if token := str(params.get("nextToken") or ""):
            direction, _, text = token.partition("/")
            position = _position(text)
        if direction == "f":
            page = events(after=position or START)
        elif direction == "b":
            page = events(before=position or END)
        else:
            raise _invalid_token()
        if page:
            first, last = (page[0].timestamp_ms, page[0].id), (page[-1].timestamp_ms, page[-1].id)
        elif direction == "f":
            last = position or START
            first = (last[0], last[1] + 1)
        else:
            first = position or START
            last = (first[0], first[1] - 1)
        return {
            "events": [
                {
                    "timestamp": event.timestamp_ms,
                    "message": event.message,
                    "ingestionTime": event.ingested_at,
                }
                for event in page
            ],
            "nextForwardToken": f"f/{last[0]}/{last[1]}",
            "nextBackwardToken": f"b/{first[0]}/{first[1]}",
        }

    def filter_events(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        """FilterLogEvents."""
        group = self._group(region, params)
        try:
            matches = compile_pattern(params.get("filterPattern") or "")
        except PatternError as error:
            raise ServiceError("InvalidParameterException", f"Invalid filter pattern: {error}") from error
        limit = _limit(params, PAGE)
        names, prefix = params.get("logStreamNames") or (), params.get("logStreamNamePrefix") or ""
        if names and prefix:
            raise ServiceError(
                "InvalidParameterException", "Names of streams and their prefix exclude each other."
            )
        for name in names:
            self._stream(region, {**params, "logStreamName": name})
        token = str(params.get("nextToken") or "")
        after = _position(token) if token else START
        scanned = self._store.events(region, group, _period(params), after=after, limit=SCANNED_AT_ONCE)
        events: list[LogEvent] = []
        last = None
        for last in scanned:
            in_stream = (not names or last.stream in names) and last.stream.startswith(prefix)
            if in_stream and matches(last.message):
                events.append(last)
            if len(events) == limit:
                break
        documents = [_document(event) for event in events]
        response: dict[str, Any] = {"events": documents, "searchedLogStreams": []}
        if last is not None and (last is not scanned[-1] or len(scanned) == SCANNED_AT_ONCE):
            response["nextToken"] = f"{last.timestamp_ms}/{last.id}"
        return response


def _period(params: dict[str, Any]) -> tuple[int, int]:
    since, until = params.get("startTime"), params.get("endTime")
    return 0 if since is None else int(since), sys.maxsize if until is None else int(until)


def _position(text: str) -> tuple[int, int]:
    """The time and id of an event, from a token. Raises ServiceError where it is no token of ours."""
    position = _POSITION.fullmatch(text)
    if position is None:
        raise _invalid_token()
    return int(position[1]), int(position[2])


def _invalid_token() -> ServiceError:
    return ServiceError("InvalidParameterException", "The specified nextToken is invalid.")


def _limit(params: dict[str, Any], maximum: int) -> int:
    """How long a page is at most; what is not asked for is as much as can be."""
    limit = int(params.get("limit") or maximum)
    if not 1 <= limit <= maximum:
        problem = f"failed to satisfy constraint: Member must have value between 1 and {maximum}"
        raise ServiceError(
            "InvalidParameterException", f"1 validation error detected: Value '{limit}' at 'limit' {problem}"
        )
    return limit


def _name(stream: dict[str, int | str]) -> str:
    return str(stream["logStreamName"])


def _document(event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp_ms,
        "message": event.message,
        "ingestionTime": event.ingested_at,
        "eventId": event_id(event),
    }


def event_id(event: LogEvent) -> str:
    """The event's id as AWS writes it: 56 digits, in the order of time."""
    return f"{event.timestamp_ms:020d}{event.id:036d}"


_HANDLERS: Final[dict[str, Callable[[LogsApi, str, dict[str, Any]], dict[str, Any]]]] = {
    "AssociateKmsKey": LogsApi.associate_key,
    "DisassociateKmsKey": LogsApi.disassociate_key,
    "CreateLogStream": LogsApi.create_stream,
    "DeleteLogStream": LogsApi.delete_stream,
    "DescribeLogStreams": LogsApi.describe_streams,
    "PutLogEvents": LogsApi.put_events,
    "GetLogEvents": LogsApi.get_events,
    "FilterLogEvents": LogsApi.filter_events,
}
