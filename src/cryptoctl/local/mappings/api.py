"""Lambda's operations on event source mappings, for those that read DynamoDB streams."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from cryptoctl.local.functions.function import FunctionLookup, split_name
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError, json_response
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.mappings.mapping import EventSourceMapping, MappingStore
from cryptoctl.local.mappings.runner import MappingRunner
from cryptoctl.local.mappings.settings import CHANGEABLE, DEFAULTS, check, check_start, invalid

_PATH: Final = re.compile(r"/2015-03-31/event-source-mappings/?([^/]*)")
_TAGS: Final = re.compile(r"/\d{4}-\d\d-\d\d/tags/(arn:[^/]+:event-source-mapping:.+)")


@dataclass(frozen=True)
class MappingsApi:
    """A service: keeps stream mappings, and leaves those of other sources to ministack."""

    forward: Forward
    client: InternalClient
    store: MappingStore
    functions: FunctionLookup
    runner: MappingRunner

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where the request is not about a stream mapping."""
        tags_path = _TAGS.fullmatch(unquote(request.path))
        if tags_path:
            return self._tags(request, tags_path.group(1))
        path = _PATH.fullmatch(request.path)
        if path is None:
            return None
        if not path.group(1):
            return await (self._create(request) if request.method == "POST" else self._list(request))
        mapping = self.store.get(path.group(1))
        if mapping is None:
            return None
        if request.method == "GET":
            return _response(mapping)
        return await (self._update(request, mapping) if request.method == "PUT" else self._delete(mapping))

    async def _create(self, request: HttpRequest) -> HttpResponse | None:
        params = request.json
        source = str(params.get("EventSourceArn", ""))
        if ":dynamodb:" not in source:
            return None
        check(params)
        check_start(params)
        settings = {**DEFAULTS, **_changes(params)}
        settings["FunctionArn"] = await self._function_arn(request.region, params.get("FunctionName", ""))
        settings["EventSourceArn"] = source
        settings["StartingPosition"] = params["StartingPosition"]
        await self._check_source(request.region, source)
        self._check_unique(settings)
        mapping = EventSourceMapping(
            uuid=str(uuid.uuid4()),
            region=request.region,
            settings=settings,
            tags=dict(params.get("Tags") or {}),
        )
        self.store.save(mapping)
        await self.runner.restart(mapping)
        return _response(mapping, status=202)

    async def _update(self, request: HttpRequest, mapping: EventSourceMapping) -> HttpResponse:
        params = request.json
        check(params)
        _check_settled(mapping)
        settings = {**mapping.settings, **_changes(params)}
        if settings.get("FilterCriteria") == {}:
            del settings["FilterCriteria"]
        if params.get("FunctionName"):
            settings["FunctionArn"] = await self._function_arn(request.region, params["FunctionName"])
        was_enabled = mapping.enabled
        mapping.settings = settings
        mapping.changed_at = time.time()
        mapping.state = _transition(was_enabled, mapping.enabled)
        self.store.save(mapping)
        await self.runner.restart(mapping)
        return _response(mapping, status=202)

    async def _delete(self, mapping: EventSourceMapping) -> HttpResponse:
        _check_settled(mapping)
        self.runner.stop(mapping.uuid)
        self.store.remove(mapping.uuid)
        mapping.state, mapping.changed_at = "Deleting", time.time()
        return _response(mapping, status=202)

    async def _list(self, request: HttpRequest) -> HttpResponse:
        query = request.query
        answer = await self.forward(request)
        mappings = json.loads(answer.body).get("EventSourceMappings", []) if answer.status == 200 else []
        name = split_name(query["FunctionName"])[0] if query.get("FunctionName") else ""
        source = query.get("EventSourceArn", "")
        for mapping in self.store.all():
            of_function = not name or mapping.function_name == name
            of_source = source in ("", mapping.settings["EventSourceArn"])
            if of_function and of_source and mapping.region == request.region:
                mappings.append(_fields(mapping))
        start, size = _page(query)
        response: dict[str, Any] = {"EventSourceMappings": mappings[start : start + size]}
        if start + size < len(mappings):
            response["NextMarker"] = str(start + size)
        return json_response(response)

    def _tags(self, request: HttpRequest, arn: str) -> HttpResponse | None:
        mapping = self.store.get(arn.rpartition(":")[2])
        if mapping is None:
            return None
        if request.method == "GET":
            return json_response({"Tags": mapping.tags})
        if request.method == "POST":
            mapping.tags |= request.json.get("Tags") or {}
        else:
            for key in re.findall(r"tagKeys=([^&]*)", request.query_string):
                mapping.tags.pop(unquote(key), None)
        self.store.save(mapping)
        return HttpResponse(204)

    async def _function_arn(self, region: str, reference: str) -> str:
        name, qualifier = split_name(reference)
        return (await self.functions.find(region, name, qualifier)).invoked_arn(qualifier)

    async def _check_source(self, region: str, source: str) -> None:
        try:
            await self.client.json("dynamodbstreams", "DescribeStream", region, StreamArn=source)
        except ServiceError as error:
            raise invalid(f"Stream not found: {source}") from error

    def _check_unique(self, settings: dict[str, Any]) -> None:
        for mapping in self.store.all():
            names = ("EventSourceArn", "FunctionArn")
            if all(mapping.settings[name] == settings[name] for name in names):
                raise ServiceError(
                    "ResourceConflictException",
                    f'The event source arn (" {settings["EventSourceArn"]} ") and function '
                    f'(" {mapping.function_name} ") provided mapping already exists. '
                    f"Please update or delete the existing mapping with UUID {mapping.uuid}",
                    status=409,
                    Type="User",
                )


def _changes(params: dict[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in CHANGEABLE if params.get(name) is not None}


def _check_settled(mapping: EventSourceMapping) -> None:
    if not mapping.settled:
        message = f"Cannot update the event source mapping because it is in use: it is {mapping.state}."
        raise ServiceError("ResourceInUseException", message, Type="User")


def _transition(was_enabled: bool, is_enabled: bool) -> str:
    if was_enabled == is_enabled:
        return "Updating"
    return "Enabling" if is_enabled else "Disabling"


def _page(query: Any) -> tuple[int, int]:
    """Where the page starts, and its size: at most a hundred mappings, however many are asked for."""
    marker, size = query.get("Marker") or "0", query.get("MaxItems") or "100"
    if not re.fullmatch("[0-9]{1,9}", marker):
        raise invalid(f"Invalid Marker: {marker}")
    if not re.fullmatch("[0-9]{1,9}", size) or not 1 <= int(size) <= 10_000:
        raise invalid(f"MaxItems must be a number between 1 and 10000, not {size}")
    return int(marker), min(int(size), 100)


def _response(mapping: EventSourceMapping, status: int = 200) -> HttpResponse:
    return json_response(_fields(mapping), status=status)


def _fields(mapping: EventSourceMapping) -> dict[str, Any]:
    settings = {name: value for name, value in mapping.settings.items() if name != "Enabled"}
    return {
        **settings,
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping.arn,
        "State": mapping.state if mapping.state == "Deleting" else mapping.shown_state,
        "StateTransitionReason": "User action",
        "LastModified": mapping.changed_at,
        "LastProcessingResult": mapping.last_result,
    }
