"""Lists are read over all their pages, however small AWS makes them."""

from __future__ import annotations

from typing import Any

import pytest

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.provisioners.key_search import tags_of
from cryptoctl.provisioners.topic import subscriptions_of
from unit.answers import STACK

# By service: how its requests and its answers call the place from which the list goes on.
TOKENS = {
    "kms": ("Marker", "NextMarker"),
    "logs": ("nextToken", "nextToken"),
    "sns": ("NextToken", "NextToken"),
}


def aws_with(
    monkeypatch: pytest.MonkeyPatch, service: str, whole: dict[str, list[Any]], **others: Any
) -> Aws:
    """Gives the only list in `whole` one item a page, and other operations' answers by their names."""
    pair = AccessKey(access_key="a", secret_key="b")
    aws = Aws(region="us-east-1", credentials=pair, endpoint_url="http://127.0.0.1:9")
    [(key, items)] = whole.items()
    argument, goes_on = TOKENS[service]

    def answer(operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation in others:
            return dict(others[operation])
        place = int(params.get(argument, 0))
        more = place + 1 < len(items)
        return {
            key: items[place : place + 1],
            **({goes_on: str(place + 1), "Truncated": True} if more else {}),
        }

    monkeypatch.setattr(aws.client(service), "_make_api_call", answer)
    return aws


def test_a_keys_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [{"TagKey": name, "TagValue": "v"} for name in "abc"]
    assert tags_of(aws_with(monkeypatch, "kms", {"Tags": tags}), "key") == dict.fromkeys("abc", "v")


def test_a_topics_subscribers(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [{"SubscriptionArn": name} for name in ("a", "Deleted", "c")]
    subscriptions = subscriptions_of(aws_with(monkeypatch, "sns", {"Subscriptions": listed}), "topic")
    assert [subscription["SubscriptionArn"] for subscription in subscriptions] == ["a", "c"]


def test_a_log_group_behind_others_that_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    group = STACK.webhook.log_group
    listed = [{"logGroupName": name} for name in (f"{group.name}-other", group.name)]
    aws = aws_with(monkeypatch, "logs", {"logGroups": listed}, ListTagsForResource={"tags": {}})
    assert group.observe(aws) is not None


def test_a_subscription_filter_behind_another(monkeypatch: pytest.MonkeyPatch) -> None:
    log_filter = STACK.webhook_errors
    listed = [
        {"filterName": name, "filterPattern": "", "destinationArn": "arn"}
        for name in ("another", log_filter.name)
    ]
    assert log_filter.observe(aws_with(monkeypatch, "logs", {"subscriptionFilters": listed})) is not None
