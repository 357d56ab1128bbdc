"""KMS in this process, with what another run does to its keys at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.reconcile.scope import Scope
from kit.sequential_aws import SequentialAws

SCOPE = Scope(environment="test", account="111111111111", region="here")


ALIAS = "alias/lambda-env-test"


Hook = Callable[["FakeKms"], None]


@dataclass
class FakeKms(SequentialAws):
    """Keys, aliases and things of one account. `before` a call of that name, another run does something."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, Hook] = field(default_factory=dict)
    alias_hidden_for: int = 0
    """How many reads do not show an alias yet."""
    alias_shown_for: int = 0
    """How many reads still show an alias that was deleted."""
    _deleted: dict[str, str] = field(default_factory=dict)

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        if hook := self.before.pop(operation, None):
            hook(self)
        answer: dict[str, Any] = getattr(self, operation)(**params)
        return answer

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code == not_found:
                return None
            raise

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key]

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        return {f"arn/{key_id}": {} for key_id in self.keys}

    def new_key(self) -> str:
        key_id = f"key-{len(self.keys) + 1}"
        self.keys[key_id] = {
            "KeyId": key_id,
            "Arn": f"arn:aws:kms:here:111111111111:key/{key_id}",
            "KeyState": "Enabled",
            "CreationDate": datetime(2026, 1, len(self.keys) + 1, tzinfo=UTC),
        }
        return key_id

    def CreateKey(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"KeyMetadata": self.keys[self.new_key()]}

    def CreateAlias(self, AliasName: str, TargetKeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if AliasName in self.aliases:
            raise refused("CreateAlias", "AlreadyExistsException")
        self.aliases[AliasName] = TargetKeyId
        return {}

    def DeleteAlias(self, AliasName: str) -> dict[str, Any]:  # noqa: N802, N803
        self._deleted[AliasName] = self.aliases.pop(AliasName)
        return {}

    def DescribeKey(self, KeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if KeyId in self.aliases and self.alias_hidden_for > 0:
            self.alias_hidden_for -= 1
            raise refused("DescribeKey", "NotFoundException")
        if KeyId in self._deleted and KeyId not in self.aliases and self.alias_shown_for > 0:
            self.alias_shown_for -= 1
            return {"KeyMetadata": self.keys[self._deleted[KeyId]]}
        key_id = self.aliases.get(KeyId, KeyId)
        if key_id not in self.keys:
            raise refused("DescribeKey", "NotFoundException")
        return {"KeyMetadata": self.keys[key_id]}

    def ListKeys(self) -> dict[str, Any]:  # noqa: N802
        return {"Keys": list(self.keys.values())}

    def GetKeyPolicy(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"Policy": '{"Version": "2012-10-17", "Statement": []}'}

    def GetKeyRotationStatus(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"KeyRotationEnabled": True}

    def ListResourceTags(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {"Tags": [{"TagKey": key, "TagValue": value} for key, value in SCOPE.tags.items()]}

    def ScheduleKeyDeletion(self, KeyId: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        if self.keys[KeyId]["KeyState"] == "PendingDeletion":
            raise refused("ScheduleKeyDeletion", "KMSInvalidStateException")
        self.keys[KeyId] |= {"KeyState": "PendingDeletion", "DeletionDate": datetime(2026, 2, 1, tzinfo=UTC)}
        return {}

    def CancelKeyDeletion(self, KeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if self.keys[KeyId]["KeyState"] != "PendingDeletion":
            raise refused("CancelKeyDeletion", "KMSInvalidStateException")
        del self.keys[KeyId]["DeletionDate"]
        self.keys[KeyId]["KeyState"] = "Disabled"
        return {}

    def EnableKey(self, KeyId: str) -> dict[str, Any]:  # noqa: N802, N803
        if self.keys[KeyId]["KeyState"] == "PendingDeletion":
            raise refused("EnableKey", "KMSInvalidStateException")
        self.keys[KeyId]["KeyState"] = "Enabled"
        return {}

    def PutKeyPolicy(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def EnableKeyRotation(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def GetThing(self, Name: str) -> dict[str, Any]:  # noqa: N802, N803
        if Name not in self.things:
            raise refused("GetThing", "NoSuchThing")
        return self.things[Name]

    def CreateThing(self, Name: str, Fields: Any) -> dict[str, Any]:  # noqa: N802, N803
        self.things[Name] = {"Fields": Fields, "Id": Name, "State": "Ready"}
        return self.things[Name]


def refused(operation: str, code: str) -> AwsError:
    return AwsError(service="kms", operation=operation, code=code, message="")


def named_by_another_run(aws: FakeKms) -> None:
    aws.aliases[ALIAS] = aws.new_key()
