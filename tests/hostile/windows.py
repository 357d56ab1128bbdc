"""The times in which AWS has taken a request and does not yet act as if it had; one class for each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from hostile.lengths import Timer, Window, Windows, function_of
from hostile.resting import FunctionWindow, MappingWindow, TableWindow
from hostile.wire import Answer, Request, refusal

WITH_ROLE = ("CreateFunction", "UpdateFunctionConfiguration")


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


class RoleWindow(Window):
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
        role = self.role_of.get(function_of(request), "")
        if request.operation == "CreateEventSourceMapping" and role in self.policies:
            text = "Cannot access stream. Please ensure the role can perform the GetRecords actions on it."
            return _invalid(request, text)
        if request.operation == "PutFunctionEventInvokeConfig" and role in self.policies:
            text = "The function's execution role does not have permissions to call Publish on the topic"
            return _invalid(request, text)
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Notes new roles, new policies, and which function has which role."""
        if not answer.ok:
            return answer
        if str(request) == "iam:CreateRole":
            self.roles.open(request.param("RoleName"), self.lengths.role)
        elif str(request) in ("iam:PutRolePolicy", "iam:DeleteRolePolicy"):
            self.policies.open(request.param("RoleName"), self.lengths.policy)
        elif request.service == "lambda" and request.operation in WITH_ROLE and request.param("Role"):
            self.role_of[function_of(request)] = request.param("Role").rpartition("/")[2]
        return answer


class KeyWindow(Window):
    """A new key is unknown for a moment to its own service and to Lambda."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.keys = lengths, Timer()

    def refuse(self, request: Request) -> Answer | None:
        """Not found, or invalid for a grant."""
        if request.service == "kms" and request.operation in (
            "CreateAlias",
            "PutKeyPolicy",
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

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Notes new keys."""
        if str(request) == "kms:CreateKey" and answer.ok:
            self.keys.open(answer.document()["KeyMetadata"]["KeyId"], self.lengths.key)
        return answer


class QueueWindow(Window):
    """A deleted queue's name is blocked."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.blocked = lengths, Timer()

    def refuse(self, request: Request) -> Answer | None:
        """SQS says so by a code of its own."""
        if str(request) == "sqs:CreateQueue" and request.param("QueueName") in self.blocked:
            code = "AWS.SimpleQueueService.QueueDeletedRecently"
            return refusal(request, code, "You must wait 60 seconds after deleting a queue")
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Notes deletions."""
        if str(request) == "sqs:DeleteQueue" and answer.ok:
            self.blocked.open(request.param("QueueUrl").rpartition("/")[2], self.lengths.queue_name)
        return answer


class LogWindow(Window):
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
        names = self.filters.setdefault(request.param("logGroupName"), set())
        if len(names | {request.param("filterName")}) > 2:
            return refusal(request, "LimitExceededException", "Resource limit exceeded.")
        return None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """Notes permissions and filters."""
        if not answer.ok:
            return answer
        if str(request) == "lambda:AddPermission":
            self.permitted.open(function_of(request), self.lengths.permission)
        elif str(request) == "logs:PutSubscriptionFilter":
            self.filters[request.param("logGroupName")].add(request.param("filterName"))
        elif str(request) == "logs:DeleteSubscriptionFilter":
            self.filters.get(request.param("logGroupName"), set()).discard(request.param("filterName"))
        elif str(request) == "logs:DeleteLogGroup":
            self.filters.pop(request.param("logGroupName"), None)
        return answer


class StaleReads(Window):
    """For a while after a write a service may answer as it did before; never older than the window."""

    def __init__(self, lengths: Windows) -> None:
        self.lengths, self.written = lengths, Timer()
        self.read: dict[str, tuple[float, Answer]] = {}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
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
