"""Windows of what comes to rest slowly: tables, functions, stream mappings."""

from __future__ import annotations

import json
from typing import Any

from hostile.lengths import Timer, Window, Windows, function_of, table_of
from hostile.wire import Answer, Request, refusal

FUNCTION_CHANGES = (
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PutFunctionConcurrency",
    "DeleteFunctionConcurrency",
    "AddPermission",
    "RemovePermission",
    "PutFunctionEventInvokeConfig",
    "DeleteFunction",
)


class TableWindow(Window):
    """CREATING, UPDATING, DELETING; tags that are shown late, and backups that come later still."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths = lengths
        self.creating, self.updating, self.deleting = Timer(), Timer(), Timer()
        self.untagged = Timer()
        self.last: dict[str, dict[str, Any]] = {}

    def refuse(self, request: Request) -> Answer | None:
        """One operation on a table at a time."""
        if request.service != "dynamodb":
            return None
        name = table_of(request)
        if name in self.deleting and request.operation == "CreateTable":
            return refusal(request, "ResourceInUseException", f"Table is being deleted: {name}")
        if request.operation == "UpdateContinuousBackups":
            early = name in self.creating or 0 < self.creating.closed_for_s(name) < self.lengths.backups
            if early:
                text = f"Backups are being enabled for the table: {name}. Please retry later"
                return refusal(request, "ContinuousBackupsUnavailableException", text)
        busy = any(name in timer for timer in (self.creating, self.updating, self.deleting))
        if busy and request.operation in ("UpdateTable", "DeleteTable", "TagResource"):
            text = f"Attempt to change a resource which is still in use: Table is being changed: {name}"
            return refusal(request, "ResourceInUseException", text)
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Holds the table's status back."""
        if request.service != "dynamodb":
            return answer
        name = table_of(request)
        if answer.ok and request.operation == "CreateTable":
            self.creating.open(name, self.lengths.table)
            self.untagged.open(name, self.lengths.table_tags)
        elif answer.ok and request.operation == "UpdateTable":
            self.updating.open(name, self.lengths.table / 3)
        elif answer.ok and request.operation == "DeleteTable":
            self.deleting.open(name, self.lengths.table_gone)
            self.last[name] = {**answer.document()["TableDescription"], "TableStatus": "DELETING"}
        elif answer.ok and request.operation == "ListTagsOfResource" and name in self.untagged:
            return answer.with_document({"Tags": []})
        elif request.operation == "DescribeTable":
            return self._described(name, request, answer)
        return answer

    def _described(self, name: str, request: Request, answer: Answer) -> Answer:
        if name in self.deleting:
            reply = Answer(status=200, headers={"Content-Type": "application/x-amz-json-1.0"}, body=b"")
            return reply.with_document({"Table": self.last[name]})
        status = "CREATING" if name in self.creating else "UPDATING" if name in self.updating else None
        if not answer.ok or status is None:
            return answer
        document = answer.document()
        document["Table"]["TableStatus"] = status
        return answer.with_document(document)


class FunctionWindow(Window):
    """Pending after creation, InProgress after a change; any other change is refused meanwhile."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.pending, self.changing = lengths, Timer(), Timer()

    def refuse(self, request: Request) -> Answer | None:
        """One change of a function at a time."""
        name = function_of(request)
        busy = name in self.pending or name in self.changing
        if not busy or request.service != "lambda":
            return None
        if request.operation in FUNCTION_CHANGES or _tags_a_function(request):
            text = f"The operation cannot be performed at this time. An update is in progress for {name}"
            return refusal(request, "ResourceConflictException", text, 409)
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Holds the function's state back."""
        if request.service != "lambda" or not answer.ok:
            return answer
        name = function_of(request)
        if request.operation == "CreateFunction":
            self.pending.open(name, self.lengths.function)
        elif request.operation in ("UpdateFunctionCode", "UpdateFunctionConfiguration"):
            self.changing.open(name, self.lengths.function / 2)
        elif request.operation in ("GetFunction", "GetFunctionConfiguration"):
            document = answer.document()
            shown = document["Configuration"] if request.operation == "GetFunction" else document
            if name in self.pending:
                shown["State"] = "Pending"
            if name in self.changing:
                shown["LastUpdateStatus"] = "InProgress"
            return answer.with_document(document)
        return answer


class MappingWindow(Window):
    """Mappings come to rest slowly, and there is only one of a function on a stream."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.moving = lengths, Timer()
        self.state: dict[str, str] = {}
        self.deleted: dict[str, dict[str, Any]] = {}
        self.mappings: dict[tuple[str, str], str] = {}

    def refuse(self, request: Request) -> Answer | None:
        """In use, or a duplicate."""
        if request.operation == "CreateEventSourceMapping":
            pair = function_of(request), request.param("EventSourceArn")
            uuid = self.mappings.get(pair)
            if uuid is None or (uuid in self.deleted and uuid not in self.moving):
                self.mappings[pair] = "being made"
                return None
            text = (
                "An event source mapping with event source arn and function already exists. "
                f"Please update or delete the existing mapping with UUID {uuid}"
            )
            return refusal(request, "ResourceConflictException", text, 409)
        changes = ("UpdateEventSourceMapping", "DeleteEventSourceMapping")
        if request.operation in changes and request.param("UUID") in self.moving:
            text = "Cannot change the event source mapping because it is in use."
            return refusal(request, "ResourceInUseException", text, 400)
        return None

    def unanswered(self, request: Request) -> None:
        """The next attempt asks the engine, which knows whether the mapping is there."""
        if request.operation == "CreateEventSourceMapping":
            del self.mappings[function_of(request), request.param("EventSourceArn")]

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Holds the mapping's state back, and shows a deleted one a little longer."""
        if request.service != "lambda" or "EventSourceMapping" not in request.operation:
            return answer
        if request.operation == "CreateEventSourceMapping":
            pair = function_of(request), request.param("EventSourceArn")
            if not answer.ok:
                del self.mappings[pair]
                return answer
            self.mappings[pair] = answer.document()["UUID"]
        if request.operation == "ListEventSourceMappings":
            return self._listed(request, answer)
        if request.operation == "GetEventSourceMapping":
            uuid = request.param("UUID")
            if uuid in self.deleted and uuid in self.moving:
                return Answer(status=200, headers={}, body=json.dumps(self.deleted[uuid]).encode())
            return answer.with_document(self._shown(answer.document())) if answer.ok else answer
        if not answer.ok:
            return answer
        document = answer.document()
        uuid = document["UUID"]
        self.moving.open(uuid, self.lengths.mapping)
        self.state[uuid] = f"{request.operation.removesuffix('eEventSourceMapping')}ing"
        if request.operation == "DeleteEventSourceMapping":
            self.deleted[uuid] = {**document, "State": "Deleting"}
        return answer.with_document(self._shown(document))

    def _shown(self, mapping: dict[str, Any]) -> dict[str, Any]:
        uuid = mapping["UUID"]
        return {**mapping, "State": self.state[uuid]} if uuid in self.moving else mapping

    def _listed(self, request: Request, answer: Answer) -> Answer:
        if not answer.ok:
            return answer
        document = answer.document()
        function = request.param("FunctionName")
        leaving = [
            mapping
            for uuid, mapping in self.deleted.items()
            if uuid in self.moving and mapping["FunctionArn"].endswith(f":{function}")
        ]
        shown = [self._shown(mapping) for mapping in document["EventSourceMappings"]]
        return answer.with_document({**document, "EventSourceMappings": [*shown, *leaving]})


class Shown(Window):
    """Shows one function in a state of AWS's making, until it is deleted or changed."""

    def __init__(self, function: str, state: dict[str, str], until: tuple[str, ...]) -> None:
        self.function, self.state, self.until = function, state, until
        self.expired = False

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Shows it so."""
        if request.service != "lambda" or self.function not in request.param("FunctionName"):
            return answer
        self.expired = self.expired or request.operation in self.until
        if (
            self.expired
            or not answer.ok
            or request.operation not in ("GetFunction", "GetFunctionConfiguration")
        ):
            return answer
        document = answer.document()
        document.get("Configuration", document).update(self.state)
        return answer.with_document(document)


class ShownGroup(Window):
    """Shows one log group otherwise than the engine can have it, until it is deleted."""

    def __init__(self, group: str, fields: dict[str, str]) -> None:
        self.group, self.fields, self.expired = group, fields, False

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Shows it so."""
        if request.operation == "DeleteLogGroup" and request.param("logGroupName") == self.group:
            self.expired = True
        if self.expired or not answer.ok or request.operation != "DescribeLogGroups":
            return answer
        document = answer.document()
        for group in document["logGroups"]:
            if group["logGroupName"] == self.group:
                group.update(self.fields)
        return answer.with_document(document)


def _tags_a_function(request: Request) -> bool:
    return request.operation == "TagResource" and ":function:" in request.param("Resource")
