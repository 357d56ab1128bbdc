"""What somebody has changed and what breaks only at run time: named by a plan, and mended by what is sent."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cryptoctl.aws import AccessKey, Aws, Caller
from cryptoctl.ops.doctor import CheckResult, examine
from cryptoctl.provisioners.tls_policy import SID
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.orphans import FoundOrphans, Orphans
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.ui.plans import show_plan
from cryptoctl.ui.screen import Screen
from unit.answers import ACCOUNT, SCOPE, STACK, Answers
from unit.resource_answers import key

HERE = STACK.webhook_dead_letters
SOMEBODYS_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OURS = json.dumps({"Statement": [HERE.desired()["Policy"][SID]]})


def queue(**attributes: str) -> dict[str, Any]:
    """The answers for a queue as `up` leaves it, but for these attributes."""
    defaults = {name: value for name, value in HERE.desired()["Attributes"].items() if value is not None}
    return {
        "GetQueueUrl": {"QueueUrl": "https://queue"},
        "ListQueueTags": {"Tags": SCOPE.tags},
        "GetQueueAttributes": {"Attributes": {**defaults, "Policy": OURS, **attributes}},
    }


def plan(answers: dict[str, Any], resource: Provisioner = HERE) -> Plan:
    return make_plan([resource], Answers(answers), Goal.PRESENT)  # type: ignore[arg-type]


def test_a_queue_as_it_should_be_is_left_and_our_own_denial_is_not_worth_a_word() -> None:
    planned = plan(queue())
    assert (planned.work, planned.notes) == ((), ())


def test_a_message_that_arrives_is_no_change_of_its_queue() -> None:
    counts = ({f"ApproximateNumberOfMessages{of}": number for of in ("", "NotVisible")} for number in "05")
    empty, busy = (HERE.observe(Answers(queue(**count))) for count in counts)  # type: ignore[arg-type]
    assert empty is not None and busy is not None
    assert (empty.fields, empty.data, busy.data) == (busy.fields, "", "10 messages")


@pytest.mark.parametrize(
    ("attribute", "observed_value", "sent"),
    [
        ("MaximumMessageSize", "262144", "1048576"),
        ("DelaySeconds", "30", "0"),
        ("RedrivePolicy", '{"maxReceiveCount":2}', ""),
        ("MessageRetentionPeriod", "60", "345600"),
        ("SqsManagedSseEnabled", "false", "true"),
    ],
)
def test_an_attribute_of_a_queue_that_loses_dead_letters_is_set_back(
    attribute: str, observed_value: str, sent: str
) -> None:
    [step] = plan(queue(**{attribute: observed_value})).work
    assert [change.path for change in step.changes] == [f"Attributes.{attribute}"]
    [call] = step.calls
    assert (call.operation, call.params["Attributes"]) == ("SetQueueAttributes", {attribute: sent})


@pytest.mark.parametrize("own", ["false", "true"])
def test_a_key_that_somebody_put_on_a_queue_goes_with_the_queues_own_encryption_after_asking(
    own: str,
) -> None:
    planned = plan(queue(KmsMasterKeyId=SOMEBODYS_KEY, SqsManagedSseEnabled=own))
    [step] = planned.work
    [call] = step.calls
    assert call.params["Attributes"] == {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"}
    assert planned.consents == (f"replace the encryption key {SOMEBODYS_KEY} of {HERE}",)


class Tagged(Answers):
    """An AWS whose tag index lists one more thing as the environment's."""

    more = ""

    def tagged(self, *_: Any) -> dict[str, dict[str, str]]:
        """That one."""
        return {self.more: SCOPE.tags}


def orphans(stack: Provisioner, former: Provisioner, answers: dict[str, Any]) -> FoundOrphans:
    aws: Any = Tagged(answers)
    aws.more = former.arn
    looking = Orphans(stack=[stack])
    return looking.find(aws, looking.candidates(aws), observe([stack], aws))


@pytest.mark.parametrize("visibility", ["", "NotVisible", "Delayed"])
def test_a_former_queue_is_kept_wherever_its_messages_are(visibility: str) -> None:
    holding = queue(**{f"ApproximateNumberOfMessages{visibility}": "1"})
    orphaned = orphans(HERE, replace(HERE, name="former-dlq-dev"), holding)
    assert orphaned.removable == {}
    assert "it holds 1 message;" in orphaned.notes[0]


TABLE: dict[str, Any] = {
    "DescribeTable": {
        "Table": {
            "TableStatus": "ACTIVE",
            "KeySchema": [
                {"AttributeName": "symbol", "KeyType": "HASH"},
                {"AttributeName": "timestamp", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "symbol", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ],
        }
    },
    "DescribeContinuousBackups": {},
    "ListTagsOfResource": {"Tags": [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]},
}


def backups(**its: Any) -> dict[str, Any]:
    return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": its}}


@pytest.mark.parametrize("status", ["ENABLED", "DISABLED"])
def test_how_far_back_a_table_can_be_restored_is_drift_while_that_is_on(status: str) -> None:
    answer = backups(PointInTimeRecoveryStatus=status, RecoveryPeriodInDays=7)
    [step] = plan({**TABLE, "DescribeContinuousBackups": answer}, STACK.prices).work
    [change] = [drifted for drifted in step.changes if drifted.field.startswith(("PointInTime", "Recovery"))]
    shown = ("RecoveryPeriodInDays", 7) if status == "ENABLED" else ("PointInTimeRecoveryStatus", "DISABLED")
    assert (change.path, change.old) == shown
    [call] = [sent for sent in step.calls if sent.operation == "UpdateContinuousBackups"]
    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}
    assert call.params["PointInTimeRecoverySpecification"] == specification


@pytest.mark.parametrize(
    ("rotation", "shown"),
    [
        ({"KeyRotationEnabled": True, "RotationPeriodInDays": 2560}, ["RotationPeriodInDays"]),
        ({"KeyRotationEnabled": False, "RotationPeriodInDays": 2560}, ["KeyRotationEnabled"]),
        ({"KeyRotationEnabled": True}, []),
    ],
)
def test_how_often_a_key_rotates_is_drift_while_it_does(rotation: dict[str, Any], shown: list[str]) -> None:
    steps = plan({**key("AWS_KMS"), "GetKeyRotationStatus": rotation}, STACK.key).work
    assert [change.path for step in steps for change in step.changes] == shown
    calls = [(call.operation, call.params["RotationPeriodInDays"]) for step in steps for call in step.calls]
    assert calls == [("EnableKeyRotation", 365)] * len(shown)


def test_a_restored_table_that_carries_our_copied_tags_is_kept_with_its_data() -> None:
    orphaned = orphans(STACK.prices, replace(STACK.prices, name="crypto-prices-dev-restored"), TABLE)
    assert orphaned.removable == {}
    [note] = orphaned.notes
    assert "table crypto-prices-dev-restored is no longer part of this environment, and is kept" in note
    assert "delete it by its name" in note


DENIED = queue(Policy=json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]}))


def test_what_is_told_stands_in_what_a_person_reads() -> None:
    screen, text = Screen(colour=False), io.StringIO()
    screen.terminal.out = Console(file=text, width=400)
    show_plan(screen, plan(DENIED), environment="dev", answer=True)
    assert f"The policy of {HERE} denies sqs:* (statement without an id)" in text.getvalue()


def test_doctor_tells_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(DENIED)
    monkeypatch.setattr("cryptoctl.ops.doctor.make_plan", lambda *_, **__: planned)
    checks = list(examine(STACK, IdentityOnlyAws(DENIED), enforced=False))  # type: ignore[arg-type]
    attention = [check for check in checks if check.name == "attention"]
    assert [(check.result, check.detail) for check in attention] == [(CheckResult.UNKNOWN, planned.notes[0])]


class IdentityOnlyAws(Answers):
    """An AWS of which nothing but the plan is looked at."""

    caller = Caller(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root")
    region = "us-east-1"
    region_is_named = True

    def call(self, service: str, operation: str, **params: Any) -> Any:
        """Only who it is."""
        return {"ResponseMetadata": {}}

    def client(self, service: str) -> Any:
        """A real one, which is asked for its model alone."""
        made_up = AccessKey(access_key="a", secret_key="b")
        return Aws(region=self.region, endpoint_url="http://127.0.0.1:9", credentials=made_up).client(service)
