"""What somebody else has set on our resources: shown, mended where it is ours, in the way of nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.observe import make_plan, observe
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.orphans import FoundOrphans, Orphans
from cryptoctl.reconcile.plan import WITHOUT_TAGS, Action, Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.ui.plans import reason, summary
from unit.answers import ACCOUNT, SCOPE, STACK, Answers
from unit.resource_answers import (
    LONG_AGO,
    TAGS,
    allowing,
    function,
    group,
    key,
    mapping,
    observed_mapping,
    plan,
    role,
)

LAG_ALARM = next(resource for resource in STACK if resource.kind == "alarm")
DASHBOARD = next(resource for resource in STACK if resource.kind == "dashboard")
DENY = json.dumps({"Statement": [{"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "SQS:*"}]})


DENIED = {"ErrorCode": "AccessDeniedException", "Message": "not authorized to perform: kms:Decrypt"}


def test_variables_that_cannot_be_read_stop_up_but_not_down() -> None:
    answers = function(configuration={"Environment": {"Error": DENIED}})
    with pytest.raises(
        Failure, match="environment variables of function webhook-processor-dev cannot be read"
    ) as raised:
        plan(STACK.webhook, answers)
    assert "These credentials need kms:Decrypt on the environment's key" in (raised.value.hint or "")
    assert [step.action for step in plan(STACK.webhook, answers, Goal.ABSENT).steps] == [Action.DELETE]


@pytest.mark.parametrize("code", ["KMSThrottlingException", "ThrottlingException", "KMSInternalException"])
def test_variables_that_lambda_cannot_decrypt_at_the_moment_are_no_difference(code: str) -> None:
    answers = function(configuration={"Environment": {"Error": {"ErrorCode": code, "Message": "slow down"}}})
    with pytest.raises(Failure, match="cannot be read: slow down") as raised:
        plan(STACK.webhook, answers)
    assert "wait a minute" in (raised.value.hint or "")


def test_tags_that_cannot_be_read_stop_both() -> None:
    answers = function(TagsError=DENIED)
    for goal in Goal:
        with pytest.raises(Failure, match="tags of function webhook-processor-dev cannot be read") as raised:
            plan(STACK.webhook, answers, goal)
        assert "These credentials need lambda:ListTags on the function" in (raised.value.hint or "")


def test_a_function_from_an_image_is_replaced() -> None:
    [step] = plan(STACK.webhook, function(configuration={"PackageType": "Image"})).steps
    assert (step.action, step.immutable_changes) == (Action.REPLACE, ("PackageType",))


def test_a_function_in_a_vpc_is_told() -> None:
    [note] = plan(STACK.webhook, function(configuration={"VpcConfig": {"VpcId": "vpc-1"}})).notes
    assert "runs in vpc-1" in note


def test_log_levels_that_hide_errors_are_drift() -> None:
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": "WARN"}
    [step] = plan(STACK.webhook, function(configuration={"LoggingConfig": logging})).steps
    assert {"LogLevels"} <= {change.field for change in step.changes}
    [*_, sent] = [call.params["LoggingConfig"] for call in step.calls if "LoggingConfig" in call.params]
    assert (sent["ApplicationLogLevel"], sent["SystemLogLevel"]) == ("INFO", "INFO")


def test_a_hand_made_policy_that_names_another_region_is_drift_and_nothing_more() -> None:
    elsewhere = allowing(f"arn:aws:sqs:eu-west-1:{ACCOUNT}:somebody")
    for goal, action in ((Goal.PRESENT, Action.UPDATE), (Goal.ABSENT, Action.DELETE)):
        [step] = plan(STACK.webhook_role, role({"hand-made": elsewhere}), goal).steps
        assert step.action is action, step.reason


def test_a_policy_of_ours_says_in_which_region_the_role_serves() -> None:
    answers = role({"sqs-dlq-access": allowing(f"arn:aws:sqs:eu-west-1:{ACCOUNT}:webhook-processor-dlq-dev")})
    [step] = plan(STACK.webhook_role, answers).steps
    assert step.action is Action.REFUSED
    assert "serves this environment in eu-west-1" in step.reason


def test_a_role_with_a_path_is_replaced_by_one_that_has_the_arn_that_is_passed() -> None:
    [step] = plan(STACK.webhook_role, role(Path="/team/")).steps
    assert (step.action, step.immutable_changes) == (Action.REPLACE, ("Path",))


def test_a_boundary_that_the_configuration_does_not_name_is_told() -> None:
    boundary = {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/all"}
    [note] = plan(STACK.webhook_role, role(PermissionsBoundary=boundary)).notes
    assert f"has the permissions boundary arn:aws:iam::{ACCOUNT}:policy/all" in note


def test_a_role_whose_name_differs_by_case_alone_is_refused_before_anything_is_created() -> None:
    other = {"RoleName": STACK.webhook_role.name.replace("dev", "Dev")}
    [obstacle] = plan(STACK.webhook_role, {"ListRoles": {"Roles": [other]}}).obstacles
    assert (
        "cannot be created beside webhook-processor-Dev-role: IAM does not tell names apart" in obstacle.what
    )
    assert plan(STACK.webhook_role, {"ListRoles": "AccessDenied"}).obstacles == ()


def test_a_role_that_is_found_under_another_case_is_not_offered_for_adoption() -> None:
    [step] = plan(STACK.webhook_role, role(RoleName="WEBHOOK-processor-dev-role", Tags=[])).steps
    assert step.reason.startswith("exists as WEBHOOK-processor-dev-role")
    assert WITHOUT_TAGS not in step.reason


QUEUE = {
    "GetQueueUrl": {"QueueUrl": "https://queue"},
    "ListQueueTags": {"Tags": SCOPE.tags},
    "GetQueueAttributes": {"Attributes": {"Policy": DENY}},
}


def test_a_former_queue_with_dead_letters_in_it_is_left() -> None:
    former = replace(STACK.webhook_dead_letters, name="former-dlq-dev")

    class Tagged(Answers):
        def tagged(self, *_: Any) -> dict[str, dict[str, str]]:
            return {former.arn: SCOPE.tags}

    def orphans(waiting: str) -> FoundOrphans:
        attributes = {"Attributes": {"ApproximateNumberOfMessagesNotVisible": waiting}}
        aws: Any = Tagged({**QUEUE, "GetQueueAttributes": attributes})
        looking = Orphans(stack=[STACK.webhook_dead_letters])
        return looking.find(aws, looking.candidates(aws), observe([STACK.webhook_dead_letters], aws))

    assert [orphan.name for orphan in orphans("0").removable] == ["former-dlq-dev"]
    assert orphans("3").removable == {}
    [note] = orphans("3").notes
    assert "is kept: it holds 3 messages; delete it by its name" in note


TOPIC = {
    "GetTopicAttributes": {"Attributes": {"Policy": DENY}},
    "ListTagsForResource": {"Tags": TAGS},
    "ListSubscriptionsByTopic": {"Subscriptions": []},
}


TABLE: dict[str, Any] = {
    "DescribeTable": {
        "Table": {
            "TableStatus": "ACTIVE",
            "KeySchema": (
                {"AttributeName": "symbol", "KeyType": "HASH"},
                {"AttributeName": "timestamp", "KeyType": "RANGE"},
            ),
            "AttributeDefinitions": (
                {"AttributeName": "symbol", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ),
        }
    },
    "DescribeContinuousBackups": {},
    "ListTagsOfResource": {"Tags": TAGS},
    "GetResourcePolicy": {"Policy": DENY},
}


@pytest.mark.parametrize(
    ("resource", "answers"),
    [(STACK.webhook_dead_letters, QUEUE), (STACK.success, TOPIC), (STACK.prices, TABLE)],
    ids=["queue", "topic", "table"],
)
def test_a_policy_that_denies_is_told(resource: Provisioner, answers: dict[str, Any]) -> None:
    [note] = plan(resource, answers).notes
    assert f"the policy of {resource} denies SQS:* (statement no)" in note
    assert plan(resource, answers, Goal.ABSENT).notes == ()


@pytest.mark.parametrize("code", ["PolicyNotFoundException", "ResourceNotFoundException"])
def test_a_table_without_a_policy_of_its_own_is_not_worth_a_word(code: str) -> None:
    assert plan(STACK.prices, {**TABLE, "GetResourcePolicy": code}).notes == ()


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_a_tables_policy_that_cannot_be_read_stops_nothing_and_is_told(code: str) -> None:
    planned = plan(STACK.prices, {**TABLE, "GetResourcePolicy": code})
    assert planned.work
    [note] = planned.notes
    assert f"dynamodb:GetResourcePolicy answered {code}" in note


@pytest.mark.parametrize(
    ("attribute", "type_", "has_note"),
    [("price", "S", True), ("price", "N", False), ("rev", "N", True), ("somebodys", "S", False)],
)
def test_an_index_that_has_prices_refused_is_told_until_it_goes(
    attribute: str, type_: str, has_note: bool
) -> None:
    index: dict[str, Any] = {
        "IndexName": "by-it",
        "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
    }
    described = {**TABLE["DescribeTable"]["Table"], "GlobalSecondaryIndexes": [index]}
    defined = [*described["AttributeDefinitions"], {"AttributeName": attribute, "AttributeType": type_}]
    described["AttributeDefinitions"] = defined
    notes = plan(STACK.prices, {**TABLE, "DescribeTable": {"Table": described}}).notes
    assert (
        any(f"the index by-it of table {STACK.prices.name} wants {attribute}" in note for note in notes)
        is has_note
    )


@pytest.mark.parametrize("state", ["Deactivating", "Deactivated", "ActiveNonInvocable"])
def test_a_function_that_cannot_be_invoked_is_told(state: str) -> None:
    [note] = plan(STACK.webhook, function(configuration={"State": state})).notes
    assert f"is {state} and cannot be invoked" in note


def test_a_second_filter_that_hands_the_same_lines_on_is_told() -> None:
    subscription = STACK.webhook_errors
    own = {"filterName": subscription.name, "filterPattern": subscription.pattern}
    own |= {"destinationArn": subscription.destination.arn}
    others = [{**own, "filterName": "all"}, {**own, "filterName": "else", "destinationArn": "arn:kinesis"}]
    observed = subscription.observe(
        Answers({"DescribeSubscriptionFilters": {"subscriptionFilters": [*others, own]}})  # type: ignore[arg-type]
    )
    assert observed is not None
    [note] = observed.notes
    assert "the filter all of log group" in note and "--filter-name all" in note


def test_a_second_mapping_of_the_stream_is_told_even_to_an_alias() -> None:
    second = mapping("a-second", FunctionArn=f"{STACK.enricher.arn}:live", State="Deleting")
    foreign = mapping("another", FunctionArn=f"{STACK.enricher.arn}2", State="Deleting")
    assert observed_mapping(mapping("ours"), second, foreign).notes == ()
    [note] = observed_mapping(mapping("ours"), {**second, "State": "Enabled"}, foreign).notes
    assert "hands the same stream to function price-enricher-dev" in note
    assert "aws lambda delete-event-source-mapping" in note


def test_a_key_on_a_mappings_filters_is_taken_off() -> None:
    observed = observed_mapping(mapping("ours", KMSKeyArn="arn:key"))
    enricher_mapping = STACK.prices_to_enricher
    delta = difference(
        {**enricher_mapping.desired(), "EventSourceArn": observed.fields["EventSourceArn"]},
        observed,
        enricher_mapping.exclusive,
    )
    [sent] = [
        action.params for action in enricher_mapping.apply(delta) if action.operation.startswith("Update")
    ]
    assert sent["KMSKeyArn"] == ""


def test_a_log_group_of_a_class_that_takes_no_subscription_is_replaced() -> None:
    [step] = plan(STACK.webhook_logs, group(logGroupClass="INFREQUENT_ACCESS")).steps
    assert (step.action, step.immutable_changes) == (Action.REPLACE, ("logGroupClass",))


def test_a_protected_log_group_stops_down_before_it_begins() -> None:
    protected = group(deletionProtectionEnabled=True)
    [obstacle] = plan(STACK.webhook_logs, protected, Goal.ABSENT).obstacles
    assert "is protected from deletion" in obstacle.what
    assert f"--log-group-identifier {STACK.webhook_logs.name}" in obstacle.hint
    assert plan(STACK.webhook_logs, protected).obstacles == ()


def test_a_key_with_imported_material_blocks_nothing() -> None:
    planned = plan(STACK.key, key("EXTERNAL"))
    assert planned.work == ()
    assert "has key material that AWS did not make (EXTERNAL)" in planned.notes[0]
    assert plan(STACK.key, key("EXTERNAL"), Goal.ABSENT).work != ()


def test_what_is_on_its_way_out_is_not_worth_a_word() -> None:
    leaving = key("EXTERNAL", KeyState="PendingDeletion", DeletionDate=LONG_AGO)
    assert plan(STACK.key, leaving, Goal.ABSENT).notes == ()


def test_a_plan_says_how_much_is_refused_and_that_up_would_not_start() -> None:
    planned = plan(STACK.webhook_role, role(Tags=[]))
    assert summary(planned) == "1 refused; `up` would not start"
    protected = plan(STACK.webhook_logs, group(deletionProtectionEnabled=True), Goal.ABSENT)
    assert summary(protected) == "1 to delete; 1 call; `down` would not start"


@pytest.mark.parametrize("adopt", [True, False])
def test_what_belongs_to_another_environment_is_not_taken_from_it(adopt: bool) -> None:
    """Some of its alarms may be named as ours are."""
    tags = {**SCOPE.tags, "Environment": "other"}
    observed = Observed(fields={**STACK.webhook_logs.desired(), "Tags": tags})
    [step] = build_plan([STACK.webhook_logs], {STACK.webhook_logs: observed}, Goal.PRESENT, adopt=adopt).steps
    assert (step.action, step.reason[:29]) == (Action.REFUSED, "belongs to environment other,")


@pytest.mark.parametrize("code", ["TableNotFoundException", "ResourceNotFoundException"])
def test_a_table_that_goes_between_two_looks_was_absent(code: str) -> None:
    answers = Answers({**TABLE, "DescribeContinuousBackups": code})
    assert STACK.prices.observe(answers) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("whose", ["theirs", "ours"])
@pytest.mark.parametrize("policy", ["another", "the same"])
def test_the_policy_of_a_key_that_others_made_is_replaced_after_asking(whose: str, policy: str) -> None:
    answers = key("AWS_KMS", Description="the desk's")
    if policy == "another":
        answers["GetKeyPolicy"] = {"Policy": DENY}
    if whose == "theirs":
        answers["ListResourceTags"] = {"Tags": [{"TagKey": "Team", "TagValue": "desk"}]}
    adopting = make_plan([STACK.key], Answers(answers), Goal.PRESENT, adopt=True)  # type: ignore[arg-type]
    consents = (f"replace somebody else's policy of {STACK.key}",)
    assert adopting.consents == (consents if (whose, policy) == ("theirs", "another") else ())
    assert {reason(step) for step in adopting.work} <= {
        "update: without cryptoctl's tags, and taken over" if whose == "theirs" else "update"
    }


@pytest.mark.parametrize(
    ("days", "tags", "asked"),
    [
        (30, {"Team": "desk"}, True),
        (None, {"Team": "desk"}, True),
        (1, {"Team": "desk"}, False),
        (30, {}, False),
    ],
)
def test_older_lines_of_a_log_group_that_others_made_are_deleted_after_asking(
    days: int | None, tags: dict[str, str], asked: bool
) -> None:
    logs = STACK.webhook_logs
    observed = Observed(fields={**logs.desired(), "retentionInDays": days, "Tags": tags})
    planned = build_plan([logs], {logs: observed}, Goal.PRESENT, adopt=True)
    assert planned.consents == ((f"delete older log lines of {logs}",) if asked else ())


@pytest.mark.parametrize("whose", [{"Team": "desk"}, SCOPE.tags], ids=["theirs", "ours"])
@pytest.mark.parametrize(
    ("resource", "fields", "lost"),
    [
        (STACK.webhook, {"CodeSha256": "theirs"}, "code"),
        (STACK.webhook, {"CodeSha256": "theirs", "Environment": {"KEY": "theirs"}}, "code and variables"),
        (STACK.webhook, {"Environment": {}}, ""),
        (STACK.webhook, {"MemorySize": 128}, ""),
        (LAG_ALARM, {"Threshold": 1, "AlarmActions": ("theirs",)}, "threshold and actions"),
        (LAG_ALARM, {"DatapointsToAlarm": 3, "ActionsEnabled": False}, "threshold and actions"),
        (LAG_ALARM, {"AlarmDescription": "theirs", "AlarmActions": (), "OKActions": ()}, ""),
        (DASHBOARD, {"Widgets": {"theirs": {}}}, "widgets"),
        (DASHBOARD, {"Widgets": {}}, ""),
    ],
)
def test_what_others_have_put_into_a_resource_is_replaced_after_asking(
    resource: Provisioner, fields: dict[str, Any], lost: str, whose: dict[str, str]
) -> None:
    observed = Observed(fields={**resource.desired(), **fields, "Tags": whose})
    planned = build_plan([resource], {resource: observed}, Goal.PRESENT, adopt=True)
    consents = (f"replace somebody else's {lost} of {resource}",)
    assert planned.consents == (consents if lost and whose != SCOPE.tags else ())


@pytest.mark.parametrize("tags", [{}, {"Team": "desk"}, SCOPE.tags])
def test_nobody_is_asked_where_a_log_group_is_to_keep_its_lines_for_ever(tags: Mapping[str, str]) -> None:
    logs = replace(STACK.webhook_logs, retention_days=None)
    observed = Observed(fields={**logs.desired(), "retentionInDays": 30, "Tags": tags})
    planned = build_plan([logs], {logs: observed}, Goal.PRESENT, adopt=True)
    assert (len(planned.work), planned.consents) == (1, ())


def test_the_rest_of_what_was_agreed_to_is_nothing_new() -> None:
    """The code is written already, say, when the change of the variables is refused."""
    webhook = STACK.webhook
    fields = {**webhook.desired(), "Environment": {"KEY": "theirs"}, "Tags": {"Team": "desk"}}
    both, remaining = (
        build_plan([webhook], {webhook: Observed(fields=observed_fields)}, Goal.PRESENT, adopt=True).steps[0]
        for observed_fields in ({**fields, "CodeSha256": "theirs"}, fields)
    )
    assert (remaining.beyond(both), both.beyond(remaining)) == (None, "replace somebody else's code")
