"""Drift that keeps alerts from people: a plan names it, and what is sent ends it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cryptoctl.provisioners.tls_policy import SID
from cryptoctl.reconcile.delta import difference
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Action, Goal, Step
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import serialize
from unit.answers import SCOPE, STACK, Answers
from unit.resource_answers import mapping, observed_mapping

ALARM = STACK.alarms[0]
FILTER = STACK.webhook_errors
TAGS = [{"Key": key, "Value": value} for key, value in SCOPE.tags.items()]


def step(resource: Provisioner, answers: dict[str, Any]) -> Step:
    [planned] = make_plan([resource], Answers(answers), Goal.PRESENT).steps  # type: ignore[arg-type]
    return planned


def alarm(**more: Any) -> dict[str, Any]:
    [call] = make_plan([ALARM], Answers({}), Goal.PRESENT).steps[0].calls  # type: ignore[arg-type]
    settings = {name: value for name, value in serialize(call.params).items() if name != "Tags"}
    return {"DescribeAlarms": {"MetricAlarms": [{**settings, **more}]}, "ListTagsForResource": {"Tags": TAGS}}


def log_filter(**more: Any) -> dict[str, Any]:
    settings = {"filterName": FILTER.name, "filterPattern": FILTER.pattern}
    settings |= {"destinationArn": FILTER.destination.arn, **more}
    return {"DescribeSubscriptionFilters": {"subscriptionFilters": [settings]}}


def test_an_alarm_in_a_unit_that_nobody_measures_in_is_written_without_one() -> None:
    assert step(ALARM, alarm()).changes == ()
    planned = step(ALARM, alarm(Unit="Bytes"))
    assert [(change.field, change.old, change.new) for change in planned.changes] == [("Unit", "Bytes", None)]
    [call] = planned.calls
    assert (call.operation, "Unit" in call.params) == ("PutMetricAlarm", False)


def test_an_alarm_or_dashboard_that_is_deleted_under_a_change_is_made_anew_with_our_tags() -> None:
    """CloudWatch's calls create what they do not find: without tags, nobody would own it ever after."""
    board = STACK.dashboard
    assert board is not None
    answers = {"GetDashboard": {"DashboardBody": "{}"}, "ListTagsForResource": {"Tags": TAGS}}
    for planned in (step(ALARM, alarm(Threshold=9.0)), step(board, answers)):
        [call] = planned.calls
        assert (planned.action, serialize(call.params)["Tags"]) == (Action.UPDATE, TAGS)


@pytest.mark.parametrize(
    ("field", "observed", "sent"),
    [
        ("fieldSelectionCriteria", '@aws.account = "999999999999"', ""),
        ("applyOnTransformedLogs", True, False),
    ],
)
def test_a_log_filter_that_takes_other_lines_is_set_back(field: str, observed: Any, sent: Any) -> None:
    other = {"fieldSelectionCriteria": "", "applyOnTransformedLogs": False}
    assert step(FILTER, log_filter()).changes == step(FILTER, log_filter(**other)).changes == ()
    drifted = step(FILTER, log_filter(**{field: observed}))
    assert [change.field for change in drifted.changes] == [field]
    [call] = drifted.calls
    assert {name: call.params[name] for name in other if name in call.params} == {field: sent}


def test_a_tumbling_window_is_taken_off_the_mapping() -> None:
    assert observed_mapping(mapping("ours")).fields["TumblingWindowInSeconds"] == 0
    assert (
        observed_mapping(mapping("ours", TumblingWindowInSeconds=60)).fields["TumblingWindowInSeconds"] == 60
    )
    assert STACK.prices_to_enricher.desired()["TumblingWindowInSeconds"] == 0


@pytest.mark.parametrize(
    ("qualifier", "moved"), [("", False), (":$LATEST", False), (":live", True), (":3", True)]
)
def test_a_mapping_that_was_moved_to_a_version_or_an_alias_is_moved_back(qualifier: str, moved: bool) -> None:
    """It would go on with the code of that version, whatever `up` sends."""
    enricher_mapping, arn = STACK.prices_to_enricher, STACK.enricher.arn
    observed = observed_mapping(mapping("one", FunctionArn=f"{arn}{qualifier}"))
    delta = difference({"FunctionArn": arn}, observed, frozenset())
    assert [(change.old, change.new) for change in delta.changes] == [(f"{arn}{qualifier}", arn)] * moved
    sent = enricher_mapping.apply(difference(enricher_mapping.desired(), observed, frozenset()))
    assert next(sent).params["FunctionName"] == STACK.enricher.name


@pytest.mark.parametrize("order", [1, -1])
def test_a_mapping_of_the_function_itself_counts_more_than_one_of_an_alias(order: int) -> None:
    of_alias = mapping("somebody's", FunctionArn=f"{STACK.enricher.arn}:live")
    assert observed_mapping(*[of_alias, mapping("ours")][::order]).outputs["UUID"] == "ours"


def test_a_topic_whose_policy_is_ours_alone_gets_its_first_one_back() -> None:
    """SNS takes no empty policy, and without the first one no alarm may publish."""
    of = replace(STACK.alerts, refuse_plain_http=True)
    policy = json.dumps({"Statement": [of.desired()["Policy"][SID]]})
    off = replace(of, refuse_plain_http=False)
    planned = step(
        off,
        {
            "GetTopicAttributes": {"Attributes": {"Policy": policy}},
            "ListTagsForResource": {"Tags": TAGS},
            "ListSubscriptionsByTopic": {"Subscriptions": []},
        },
    )
    [call] = planned.calls
    sent = json.loads(str(serialize(call.params["AttributeValue"])))
    assert [statement["Sid"] for statement in sent["Statement"]] == ["__default_statement_ID"]


@pytest.mark.parametrize(
    "theirs",
    [
        {"MetricName": None, "Statistic": None, "Metrics": [{"Id": "e1", "Expression": "m1 / m2"}]},
        {"Statistic": None, "ExtendedStatistic": "p99"},
    ],
    ids=["expression", "percentile"],
)
def test_an_alarm_of_others_that_looks_at_something_else_is_replaced_after_asking(
    theirs: dict[str, Any],
) -> None:
    answers = {**alarm(**theirs), "ListTagsForResource": {"Tags": []}}
    planned = make_plan([ALARM], Answers(answers), Goal.PRESENT, adopt=True)  # type: ignore[arg-type]
    assert planned.consents == (f"replace somebody else's metric of {ALARM}",)
