"""States that nothing here can end, and settings of somebody else that hurt at run time: told beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.reconcile.execute import Executor
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.ui.plans import summary
from kit.clocks import FakeClock
from live import Silent
from unit.answers import STACK, Answers
from unit.resource_answers import function, key
from unit.test_drift import TABLE


def plan(resource: Provisioner, answers: dict[str, Any], goal: Goal = Goal.PRESENT) -> Plan:
    return make_plan([resource], Answers(answers), goal)  # type: ignore[arg-type]


def table(**more: Any) -> dict[str, Any]:
    return {**TABLE, "DescribeTable": {"Table": {**TABLE["DescribeTable"]["Table"], **more}}}


@pytest.mark.parametrize(
    ("status", "what", "hint"),
    [
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "DynamoDB may not use its key", "Enable the key"),
        ("ARCHIVING", "is archived", "restore the backup under its name"),
        ("ARCHIVED", "is archived", "restore the backup under its name"),
    ],
)
def test_a_table_that_lost_its_key_is_told_and_not_waited_for(status: str, what: str, hint: str) -> None:
    planned = plan(STACK.prices, table(TableStatus=status))
    [obstacle] = planned.obstacles
    assert what in obstacle.what
    assert hint in obstacle.hint
    assert summary(planned).endswith("`up` would not start")
    assert plan(STACK.prices, table(TableStatus=status), Goal.ABSENT).obstacles == ()


def test_a_customers_key_that_cannot_be_used_is_told_of_the_table_too() -> None:
    arn = STACK.scope.arn("kms", "key/1")
    under_it = replace(STACK.prices, customer_key=arn)
    [obstacle] = plan(under_it, {**table(), **key("AWS_KMS", KeyState="Disabled")}).obstacles
    assert obstacle.what == f"The customer's key {arn} is not enabled: its state is Disabled."


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING", "CREATING"])
def test_a_table_that_comes_back_by_itself_is_no_obstacle(status: str) -> None:
    assert plan(STACK.prices, table(TableStatus=status)).obstacles == ()


@pytest.mark.parametrize(
    ("state", "what", "hint"),
    [
        ("PendingImport", "waits for key material", "get-parameters-for-import"),
        ("Unavailable", "the key store that holds its material does not answer", "connect-custom-key-store"),
        ("PendingReplicaDeletion", "as soon as its replicas", "cancel-key-deletion"),
    ],
)
def test_a_key_that_nothing_here_can_enable_is_told_before_anything_is_tried(
    state: str, what: str, hint: str
) -> None:
    planned = plan(STACK.key, key("EXTERNAL", KeyState=state))
    [obstacle] = planned.obstacles
    assert (what in obstacle.what, f"({state})" in obstacle.what, hint in obstacle.hint) == (True, True, True)
    assert plan(STACK.key, key("EXTERNAL", KeyState=state), Goal.ABSENT).obstacles == ()


@pytest.mark.parametrize(
    "made_for",
    [
        {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "HMAC_256"},
        {"KeyUsage": "KEY_AGREEMENT"},
    ],
)
def test_a_key_that_encrypts_no_variables_is_told_before_anything_is_made(made_for: dict[str, str]) -> None:
    answers = {**key("AWS_KMS", **made_for), "GetKeyRotationStatus": "UnsupportedOperationException"}
    [obstacle] = plan(STACK.key, answers).obstacles
    assert all(name in obstacle.what for name in made_for.values())
    assert "delete-alias" in obstacle.hint
    assert plan(STACK.key, answers, Goal.ABSENT).obstacles == ()


@pytest.mark.parametrize(
    ("resource", "answers"),
    [
        (STACK.key, key("EXTERNAL", KeyState="PendingImport")),
        (STACK.key, key("AWS_KMS", KeySpec="HMAC_256")),
        (STACK.prices, table(TableStatus="INACCESSIBLE_ENCRYPTION_CREDENTIALS")),
    ],
)
def test_what_is_in_the_way_of_an_adoption_leads_back_to_it(
    resource: Provisioner, answers: dict[str, Any]
) -> None:
    answers = {**answers, "ListResourceTags": {"Tags": []}, "ListTagsOfResource": {"Tags": []}}
    planned = make_plan([resource], Answers(answers), Goal.PRESENT, adopt=True)  # type: ignore[arg-type]
    [obstacle] = planned.obstacles
    assert obstacle.hint.endswith("then run the same command again.")


@pytest.mark.parametrize("state", ["Enabled", "Disabled", "PendingDeletion"])
def test_a_key_that_can_be_enabled_is_no_obstacle(state: str) -> None:
    leaving = {"DeletionDate": datetime(2026, 12, 1, tzinfo=UTC)} if state == "PendingDeletion" else {}
    assert plan(STACK.key, key("AWS_KMS", KeyState=state, **leaving)).obstacles == ()


def test_material_that_expires_is_told_with_its_day() -> None:
    [note] = plan(STACK.key, key("EXTERNAL", ValidTo=datetime(2026, 12, 24, 12, tzinfo=UTC))).notes
    assert "where the material expires on 2026-12-24 or is deleted" in note


def test_a_cap_on_the_tables_requests_is_told_and_left() -> None:
    def caps(write: int, read: int) -> dict[str, Any]:
        return table(OnDemandThroughput={"MaxWriteRequestUnits": write, "MaxReadRequestUnits": read})

    [note] = plan(STACK.prices, caps(1000, 20)).notes
    assert "takes no more than 1,000 write units and 20 read units a second" in note
    assert "MaxReadRequestUnits=-1,MaxWriteRequestUnits=-1" in note
    [note] = plan(STACK.prices, caps(1000, -1)).notes
    assert "no more than 1,000 write units a second" in note
    assert plan(STACK.prices, caps(-1, -1)).notes == ()
    assert plan(STACK.prices, table()).notes == ()


def test_replicas_of_the_table_are_told() -> None:
    replicas = [{"RegionName": "eu-west-1"}, {"RegionName": "sa-east-1"}]
    [note] = plan(STACK.prices, table(Replicas=replicas)).notes
    assert "has replicas, which cryptoctl did not make, in eu-west-1, sa-east-1" in note


def test_a_table_that_was_the_source_of_a_replica_says_how_long_to_wait() -> None:
    message = (
        "Replica cannot be deleted because it has acted as a source region for new replica(s) being added "
        "to the table in the last 24 hours."
    )
    error = AwsError(service="dynamodb", operation="DeleteTable", code="ValidationException", message=message)
    assert "24 h" in remedy(error, STACK.prices.remedies)
    assert not any(rule.matches("DeleteTable", error.code, message) for rule in STACK.prices.retry_rules)


def test_layers_that_somebody_gave_a_function_are_told() -> None:
    arn = "arn:aws:lambda:us-east-1:999999999999:layer:agent:7"
    [note] = plan(STACK.webhook, function(configuration={"Layers": [{"Arn": arn, "CodeSize": 1}]})).notes
    assert f"layers that cryptoctl did not give it ({arn})" in note
    assert "--layers [] --function-name webhook-processor-dev" in note


@pytest.mark.parametrize("status", ["ACTIVE", "DELETING"])
def test_a_table_that_another_run_makes_while_ours_goes_is_not_waited_for(status: str) -> None:
    """It is never gone: a `down` waited ten minutes for it."""
    planned = plan(STACK.prices, table(TableId="ours", TableStatus=status), Goal.ABSENT)
    clock, answers = FakeClock(), {**table(TableId="another's"), "DeleteTable": {}}
    report = Executor(aws=Answers(answers), listener=Silent(), clock=clock).run(planned)  # type: ignore[arg-type]
    assert (report.done, clock.time_s) == (True, 0)
    answers["DescribeTable"] = table(TableId="ours", TableStatus="DELETING")["DescribeTable"]
    report = Executor(aws=Answers(answers), listener=Silent(), clock=clock).run(planned)  # type: ignore[arg-type]
    assert (report.done, clock.time_s >= 600) == (False, True)
