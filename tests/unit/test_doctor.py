"""What doctor asks IAM, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cryptoctl.aws import Caller
from cryptoctl.aws_errors import AwsError
from cryptoctl.aws_responses import AwsResponse
from cryptoctl.ops.doctor import CheckResult, _clock, _permissions
from cryptoctl.reconcile.permissions import Access, Permission
from kit.sequential_aws import SequentialAws

SESSION = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Deploy_0123/ada"
WITH_PATH = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Deploy_0123"
NEW = Permission(
    access=Access.MANAGE,
    action="kms:TagResource",
    resources=("arn:aws:kms:us-east-1:111111111111:key/*",),
    condition={
        "StringEquals": {"aws:RequestTag/Environment": "dev"},
        "Null": {"kms:ResourceAliases": "true"},
    },
)


@dataclass
class FakeIam(SequentialAws):
    """IAM with one role, which allows what is simulated, if it is asked about that very role."""

    may_read: bool = True
    date: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        return Caller(account="1" * 12, arn=SESSION)

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        if operation == "GetCallerIdentity":
            headers = {"date": self.date} if self.date else {}
            return AwsResponse({"ResponseMetadata": {"HTTPHeaders": headers}}, "sts:GetCallerIdentity")
        assert (operation, params) == ("GetRole", {"RoleName": "AWSReservedSSO_Deploy_0123"})
        if not self.may_read:
            raise AwsError(service=service, operation=operation, code="AccessDenied", message="no")
        return {"Role": {"Arn": WITH_PATH}}

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        self.requests.append(params)
        if params["PolicySourceArn"] != WITH_PATH:
            raise AwsError(service=service, operation=operation, code="NoSuchEntity", message="no such role")
        yield from ({"EvalActionName": action, "EvalDecision": "allowed"} for action in params["ActionNames"])


def test_a_role_with_a_path_is_asked_about_by_its_whole_arn() -> None:
    iam = FakeIam()
    check = _permissions(iam, [NEW])  # type: ignore[arg-type]
    assert (check.result, check.detail) == (CheckResult.GOOD, "all of 1 are allowed")


def test_what_must_be_absent_is_not_told_to_the_simulation() -> None:
    iam = FakeIam()
    _permissions(iam, [NEW])  # type: ignore[arg-type]
    [request] = iam.requests
    assert [entry["ContextKeyName"] for entry in request["ContextEntries"]] == ["aws:RequestTag/Environment"]


def test_a_role_that_may_not_be_read_leaves_it_open() -> None:
    check = _permissions(FakeIam(may_read=False), [NEW])  # type: ignore[arg-type]
    assert check.result is CheckResult.UNKNOWN
    assert "iam:GetRole answered AccessDenied" in check.detail
    assert "iam:GetRole on the role you work as" in check.advice


@pytest.mark.parametrize(
    "date",
    [
        *("", "yesterday", "-0000", "0"),
        "Thu, 26 Nov 2026 00:00:00",
        "Thu, 26 Nov 99999 00:00:00 GMT",
        "Thu, 26 Nov 2026 00:00:00 +99999999999999",
    ],
)
def test_an_odd_date_in_an_answer_is_no_more_than_unknown(date: str) -> None:
    assert _clock(FakeIam(date=date)).result is CheckResult.UNKNOWN  # type: ignore[arg-type]
