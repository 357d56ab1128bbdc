"""Parameter Store in this process, with what others do to it at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.core.webhook_secrets import SenderSecret, parse_secret
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings
from kit.clocks import FakeClock
from kit.sequential_aws import SequentialAws
from unit.answers import SCOPE, STACK

SENDERS = {name: SenderSettings(scheme="token", token_header="x-token") for name in ("desk", "provider")}
WITH_SENDERS = Stack(SCOPE, EnvironmentSettings(webhook=WebhookSettings(senders=SENDERS)), STACK.code)
DESK = WITH_SENDERS.webhook_secrets["desk"]
KEY, OTHER_KEY = "arn:aws:kms:us-east-1:111111111111:key/1", "arn:aws:kms:us-east-1:111111111111:key/2"
GIVEN = SenderSecret(secret="given by its provider")


@dataclass
class FakeSsm(SequentialAws):
    """Parameter Store with every version of a value; the first page of a list is always empty.

    `before` and `after` are told of each call; what they do to it is done by others. `refuse` may raise.
    """

    versions: list[dict[str, Any]] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    calls: list[str] = field(default_factory=list)
    refuse: Callable[[FakeSsm, str], None] = lambda *_: None
    after: dict[str, Callable[[FakeSsm], None]] = field(default_factory=dict)

    @property
    def secret(self) -> SenderSecret:
        return parse_secret(self.versions[-1]["Value"])

    def put(self, secret: SenderSecret, **differing: Any) -> None:
        """Somebody else's write."""
        current = self.versions[-1] if self.versions else {"Type": "SecureString", "Tier": "Standard"}
        self.versions.append({"KeyId": KEY, **current, "Value": secret.text(), **differing})

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Any:
        self.calls.append(operation)
        self.refuse(self, operation)
        answer = getattr(self, operation)(**params)
        if hook := self.after.pop(operation, None):
            hook(self)
        return answer

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> Any:
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code in not_found:
                return None
            raise

    def list_all(self, service: str, operation: str, key: str, **params: Any) -> list[Any]:
        first = self.call(service, operation, **params)
        return [*first[key], *self.call(service, operation, NextToken=first["NextToken"], **params)[key]]

    def DescribeParameters(self, NextToken: str = "", **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        if not NextToken:
            return {"Parameters": [], "NextToken": "second"}
        shown = ("Type", "Tier", "KeyId")
        parameters = [
            {name: version[name] for name in shown if name in version} for version in self.versions[-1:]
        ]
        return {"Parameters": [{"Name": DESK.name, **parameter} for parameter in parameters]}

    def ListTagsForResource(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        if not self.versions:
            raise refused("ListTagsForResource", "InvalidResourceId")
        return {"TagList": [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]}

    def GetParameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N802, N803
        number = int(Name.rpartition(":")[2]) if ":" in Name else len(self.versions)
        if not 0 < number <= len(self.versions):
            raise refused("GetParameter", "ParameterNotFound")
        return {"Parameter": {"Value": self.versions[number - 1]["Value"], "Version": number}}

    def PutParameter(self, Overwrite: bool = False, **params: Any) -> dict[str, Any]:  # noqa: N802, N803
        if self.versions and not Overwrite:
            raise refused("PutParameter", "ParameterAlreadyExists")
        if self.versions and params["Type"] != self.versions[-1]["Type"]:
            raise refused("PutParameter", "HierarchyTypeMismatchException")
        self.versions.append(params)
        return {"Version": len(self.versions)}

    def DeleteParameter(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        self.versions.clear()
        return {}

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call.startswith(("Put", "Delete"))]


def refused(operation: str, code: str, message: str = "") -> AwsError:
    return AwsError(service="ssm", operation=operation, code=code, message=message)


def holding(secret: SenderSecret = GIVEN, **differing: Any) -> FakeSsm:
    """One that has the sender's parameter."""
    ssm = FakeSsm()
    ssm.put(secret, **differing)
    return ssm
