"""The times in which AWS has taken a request and does not yet act as if it had; one class for each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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
WITH_ROLE = ("CreateFunction", "UpdateFunctionConfiguration")


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long each window stays open, in seconds; 0 is never."""

    role: float = 0
    """Lambda cannot assume a new role."""
    policy: float = 0
    """A role's changed policies are not seen by Lambda."""
    key: float = 0
    """A new key is not seen by all of KMS, nor by Lambda."""
    table: float = 0
    """CREATING; a third of it UPDATING."""
    table_gone: float = 0
    """DELETING"""
    backups: float = 0
    """From ACTIVE until point-in-time recovery can be switched on."""
    function: float = 0
    """Pending; half of it InProgress."""
    mapping: float = 0
    """Creating, Updating, Deleting"""
    queue_name: float = 0
    """A deleted queue's name is blocked."""
    permission: float = 0
    """A permission to invoke is not seen by CloudWatch Logs."""
    stale: float = 0
    """After a write, what was read before is read again."""


class Window(Protocol):
    """Called under the proxy's lock."""

    def refuse(self, request: Request) -> Answer | None:
        """The refusal, if this request comes too early."""

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Takes note of what was answered, and may change what the client sees of it."""


class Timer:
    """Names that are in a window until some moment."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def open(self, name: str, seconds: float) -> None:
        """The window opens now."""
        self._until[name] = time.monotonic() + seconds

    def over(self, name: str) -> float:
        """How many seconds ago it closed; negative while it is open, 0 if it never was."""
        return time.monotonic() - self._until[name] if name in self._until else 0.0

    def __contains__(self, name: str) -> bool:
        return self.over(name) < 0


def windows(lengths: Windows) -> tuple[Window, ...]:
    """One of each kind; the stale reads come last, since they see what the others make of an answer."""
    return (
        RoleWindow(lengths),
        KeyWindow(lengths),
        TableWindow(lengths),
        FunctionWindow(lengths),
        MappingWindow(lengths),
        QueueWindow(lengths),
        LogWindow(lengths),
        StaleReads(lengths),
    )


class RoleWindow:
    """New roles and new policies take their time to be seen by Lambda."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.roles, self.policies = lengths, Timer(), Timer()
        self.role_of: dict[str, str] = {}

    def refuse(self, request: Request) -> Answer | None:
        """As Lambda says it, in three different ways."""
        if request.service != "lambda":
            return None
        if request.operation in WITH_ROLE and request.param("Role"):
            role = request.param("Role").rpartition("/")[2]
            if role in self.roles:
                return _invalid(request, "The role defined for the function cannot be assumed by Lambda.")
            if role in self.policies:
                text = "The provided execution role does not have permissions to call SendMessage on SQS"
                return _invalid(request, text)
        role = self.role_of.get(_function(request), "")
        if request.operation == "CreateEventSourceMapping" and role in self.policies:
            text = "Cannot access stream. Please ensure the role can perform the GetRecords actions on it."
            return _invalid(request, text)
        if request.operation == "PutFunctionEventInvokeConfig" and role in self.policies:
            text = "The function's execution role does not have permissions to call Publish on the topic"
            return _invalid(request, text)
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Notes new roles, new policies, and which function has which role."""
        if not answer.ok:
            return answer
        if str(request) == "iam:CreateRole":
            self.roles.open(request.param("RoleName"), self.lengths.role)
        elif str(request) in ("iam:PutRolePolicy", "iam:DeleteRolePolicy"):
            self.policies.open(request.param("RoleName"), self.lengths.policy)
        elif request.service == "lambda" and request.operation in WITH_ROLE and request.param("Role"):
            self.role_of[_function(request)] = request.param("Role").rpartition("/")[2]
        return answer


class KeyWindow:
    """A new key is unknown for a moment to its own service and to Lambda."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.keys = lengths, Timer()

    def refuse(self, request: Request) -> Answer | None:
        """Not found, or invalid for a grant."""
        if request.service == "kms" and request.operation in (
            "CreateAlias",
            "EnableKeyRotation",
            "TagResource",
        ):
            key = request.param("TargetKeyId", "KeyId")
            return refusal(request, "NotFoundException", f"Key {key} not found") if key in self.keys else None
        if request.service == "lambda" and request.operation in WITH_ROLE:
            key = request.param("KMSKeyArn").rpartition("/")[2]
            if key in self.keys:
                return _invalid(request, "The provided KMS key is invalid for CreateGrant.")
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Notes new keys."""
        if str(request) == "kms:CreateKey" and answer.ok:
            self.keys.open(answer.document()["KeyMetadata"]["KeyId"], self.lengths.key)
        return answer


class TableWindow:
    """CREATING, UPDATING, DELETING, and backups that come later still."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths = lengths
        self.creating, self.updating, self.deleting = Timer(), Timer(), Timer()
        self.last: dict[str, dict[str, Any]] = {}

    def refuse(self, request: Request) -> Answer | None:
        """One operation on a table at a time."""
        if request.service != "dynamodb":
            return None
        name = _table(request)
        if name in self.deleting and request.operation == "CreateTable":
            return refusal(request, "ResourceInUseException", f"Table is being deleted: {name}")
        if request.operation == "UpdateContinuousBackups":
            early = name in self.creating or 0 < self.creating.over(name) < self.lengths.backups
            if early:
                text = f"Backups are being enabled for the table: {name}. Please retry later"
                return refusal(request, "ContinuousBackupsUnavailableException", text)
        busy = any(name in timer for timer in (self.creating, self.updating, self.deleting))
        if busy and request.operation in ("UpdateTable", "DeleteTable", "TagResource"):
            text = f"Attempt to change a resource which is still in use: Table is being changed: {name}"
            return refusal(request, "ResourceInUseException", text)
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Holds the table's status back."""
        if request.service != "dynamodb":
            return answer
        name = _table(request)
        if answer.ok and request.operation == "CreateTable":
            self.creating.open(name, self.lengths.table)
        elif answer.ok and request.operation == "UpdateTable":
            self.updating.open(name, self.lengths.table / 3)
        elif answer.ok and request.operation == "DeleteTable":
            self.deleting.open(name, self.lengths.table_gone)
            self.last[name] = {**answer.document()["TableDescription"], "TableStatus": "DELETING"}
        elif request.operation == "DescribeTable":
            return self._described(name, request, answer)
        return answer

    def _described(self, name: str, request: Request, answer: Answer) -> Answer:
        if name in self.deleting:
            shown = Answer(status=200, headers={"Content-Type": "application/x-amz-json-1.0"}, body=b"")
            return shown.with_document({"Table": self.last[name]})
        status = "CREATING" if name in self.creating else "UPDATING" if name in self.updating else None
        if not answer.ok or status is None:
            return answer
        document = answer.document()
        document["Table"]["TableStatus"] = status
        return answer.with_document(document)


class FunctionWindow:
    """Pending after creation, InProgress after a change; any other change is refused meanwhile."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.pending, self.changing = lengths, Timer(), Timer()

    def refuse(self, request: Request) -> Answer | None:
        """One change of a function at a time."""
        name = _function(request)
        busy = name in self.pending or name in self.changing
        if not busy or request.service != "lambda":
            return None
        if request.operation in FUNCTION_CHANGES or _tags_a_function(request):
            text = f"The operation cannot be performed at this time. An update is in progress for {name}"
            return refusal(request, "ResourceConflictException", text, 409)
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Holds the function's state back."""
        if request.service != "lambda" or not answer.ok:
            return answer
        name = _function(request)
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


class MappingWindow:
    """Mappings come to rest slowly, and there is only one of a function on a stream."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.moving = lengths, Timer()
        self.state: dict[str, str] = {}
        self.gone: dict[str, dict[str, Any]] = {}
        self.there: dict[tuple[str, str], str] = {}

    def refuse(self, request: Request) -> Answer | None:
        """In use, or a duplicate."""
        if request.operation == "CreateEventSourceMapping":
            pair = _function(request), request.param("EventSourceArn")
            uuid = self.there.get(pair)
            if uuid is None or (uuid in self.gone and uuid not in self.moving):
                self.there[pair] = "being made"
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

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Holds the mapping's state back, and shows a deleted one a little longer."""
        if request.service != "lambda" or "EventSourceMapping" not in request.operation:
            return answer
        if request.operation == "CreateEventSourceMapping":
            pair = _function(request), request.param("EventSourceArn")
            if not answer.ok:
                del self.there[pair]
                return answer
            self.there[pair] = answer.document()["UUID"]
        if request.operation == "ListEventSourceMappings":
            return self._listed(request, answer)
        if request.operation == "GetEventSourceMapping":
            uuid = request.param("UUID")
            if uuid in self.gone and uuid in self.moving:
                return Answer(status=200, headers={}, body=json.dumps(self.gone[uuid]).encode())
            return answer.with_document(self._shown(answer.document())) if answer.ok else answer
        if not answer.ok:
            return answer
        document = answer.document()
        uuid = document["UUID"]
        self.moving.open(uuid, self.lengths.mapping)
        self.state[uuid] = f"{request.operation.removesuffix('eEventSourceMapping')}ing"
        if request.operation == "DeleteEventSourceMapping":
            self.gone[uuid] = {**document, "State": "Deleting"}
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
            each
            for uuid, each in self.gone.items()
            if uuid in self.moving and each["FunctionArn"].endswith(f":{function}")
        ]
        shown = [self._shown(each) for each in document["EventSourceMappings"]]
        return answer.with_document({**document, "EventSourceMappings": [*shown, *leaving]})


class QueueWindow:
    """A deleted queue's name is blocked."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.blocked = lengths, Timer()

    def refuse(self, request: Request) -> Answer | None:
        """SQS says so by a code of its own."""
        if str(request) == "sqs:CreateQueue" and request.param("QueueName") in self.blocked:
            code = "AWS.SimpleQueueService.QueueDeletedRecently"
            return refusal(request, code, "You must wait 60 seconds after deleting a queue")
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Notes deletions."""
        if str(request) == "sqs:DeleteQueue" and answer.ok:
            self.blocked.open(request.param("QueueUrl").rpartition("/")[2], self.lengths.queue_name)
        return answer


class LogWindow:
    """CloudWatch Logs tries a destination before it takes it, and allows two filters a group."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.permitted, self.pending = lengths, Timer(), Timer()
        self.filters: dict[str, set[str]] = {}

    def refuse(self, request: Request) -> Answer | None:
        """A function that Logs cannot invoke is no destination."""
        if str(request) != "logs:PutSubscriptionFilter":
            return None
        if request.param("destinationArn").rpartition(":")[2] in self.permitted:
            text = (
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission"
            )
            return refusal(request, "InvalidParameterException", text)
        there = self.filters.setdefault(request.param("logGroupName"), set())
        if len(there | {request.param("filterName")}) > 2:
            return refusal(request, "LimitExceededException", "Resource limit exceeded.")
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Notes permissions and filters."""
        if not answer.ok:
            return answer
        if str(request) == "lambda:AddPermission":
            self.permitted.open(_function(request), self.lengths.permission)
        elif str(request) == "logs:PutSubscriptionFilter":
            self.filters[request.param("logGroupName")].add(request.param("filterName"))
        elif str(request) == "logs:DeleteSubscriptionFilter":
            self.filters.get(request.param("logGroupName"), set()).discard(request.param("filterName"))
        elif str(request) == "logs:DeleteLogGroup":
            self.filters.pop(request.param("logGroupName"), None)
        return answer


class StaleReads:
    """For a while after a write a service may answer as it did before; never older than the window."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.written = lengths, Timer()
        self.read: dict[str, tuple[float, Answer]] = {}

    def refuse(self, request: Request) -> Answer | None:
        """Nothing is refused."""
        return None

    def seen(self, request: Request, answer: Answer) -> Answer:
        """Remembers each answer for as long as it may still be given."""
        if not self.lengths.stale:
            return answer
        if request.writes:
            self.written.open(request.service, self.lengths.stale)
            return answer
        key = f"{request} {json.dumps(_sorted(request.params or {}), default=str)}"
        now_s = time.monotonic()
        if request.service in self.written and key in self.read:
            read_s, before = self.read[key]
            if now_s - read_s < self.lengths.stale:
                return before
        self.read[key] = now_s, answer
        return answer


def _sorted(params: Mapping[str, Any]) -> list[Any]:
    return sorted(params.items(), key=str)


def _invalid(request: Request, message: str) -> Answer:
    return refusal(request, "InvalidParameterValueException", message)


def _function(request: Request) -> str:
    name = request.param("FunctionName") or request.param("Resource")
    return name.rpartition(":")[2]


def _tags_a_function(request: Request) -> bool:
    return request.operation == "TagResource" and ":function:" in request.param("Resource")


def _table(request: Request) -> str:
    return request.param("TableName") or request.param("ResourceArn").rpartition("/")[2]
