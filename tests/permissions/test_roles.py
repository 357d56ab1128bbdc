"""Each function's role: enough for the function's whole life, and without each action something breaks.

A function's own requests pass a proxy that refuses whatever its role does not allow: they are enforced.
What Lambda does with the role's rights (reading the stream, dead letters, destinations, log lines) the
embedded engine does without a request. So those are derived from what is found afterwards, and weighed.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from kit.waiting import eventually
from permissions.authorization import actions_of, granted, idle
from permissions.guard import Outage
from permissions.stage import ENRICHER, FUNCTIONS, NOTIFIER, WEBHOOK, Stage
from permissions.traffic import Traffic, all_of_it, delivery

pytestmark = pytest.mark.engine

# In a role, and asked for by nothing here: each with the reason why it stays.
ARGUED = {
    "kms:Decrypt": "a grant made with the function usually suffices; without it, this decrypts the variables",
    "kms:DescribeKey": "goes with kms:Decrypt in `kms-access`, as the contract has it",
    "dynamodb:ListStreams": "Lambda demands it of the role when a mapping of a table's stream is made",
}


@pytest.fixture(scope="module")
def traffic(stage: Stage) -> Traffic:
    """The whole life of the three functions, under exactly their roles."""
    return all_of_it(stage)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_enough(stage: Stage, traffic: Traffic, function: str) -> None:
    role = stage.role(function)
    assert traffic.denied == []
    assert [str(ask) for ask in traffic.on_behalf[function] if not granted(role, ask)] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_action_of_a_role_is_asked_for(stage: Stage, traffic: Traffic, function: str) -> None:
    role = stage.role(function)
    asks = traffic.itself[function] + traffic.on_behalf[function]
    argued = ARGUED.keys() & set(actions_of(role))
    # The webhook processor's reads the senders' secrets with it.
    assert idle(role, asks) == (argued - {"kms:Decrypt"} if function == WEBHOOK else argued)


def test_a_role_names_no_more_than_exact_resources(stage: Stage) -> None:
    for function in FUNCTIONS:
        for statement in stage.role(function)["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action]
            for resource in statement["Resource"]:
                assert "*" not in resource.removesuffix(":*")
                assert resource.endswith(":*") == (":log-group:" in resource)


def _nothing_stored(stage: Stage) -> None:
    answer = stage.send(stage.price("W1"))
    assert "not authorized to perform: dynamodb:PutItem" in answer
    stage.invoke(WEBHOOK, {"body": stage.price("W1")}, kind="Event")
    stage.letter(WEBHOOK, "W1", "dynamodb:PutItem")
    stage.open()
    assert stage.run("dlq", "replay", "--symbol", "W1").code == 0
    stage.enriched("W1", 1)


def _second_of_a_millisecond(stage: Stage) -> None:
    price = stage.price("W2")
    moment_ms = json.loads(price)["timestamp"]
    stage.store(price)
    other = stage.price("W2", "101", timestamp=moment_ms)
    assert "not authorized to perform: dynamodb:Query" in stage.send(other)
    stage.invoke(WEBHOOK, {"body": other}, kind="Event")
    stage.letter(WEBHOOK, "W2", "dynamodb:Query")
    stage.open()
    assert stage.run("dlq", "replay", "--symbol", "W2").code == 0
    stage.enriched("W2", 2)


def _nothing_set_aside(stage: Stage) -> None:
    stage.guard(WEBHOOK, without="sqs:SendMessage", more=[Outage("dynamodb:PutItem")])
    event = {"body": stage.price("W3"), "requestContext": {"timeEpoch": 1}}
    answer = stage.invoke(WEBHOOK, event)[1]
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"])["message"] == "not stored and not kept: send it again"
    stage.logged_line(WEBHOOK, "neither stored nor put", "not authorized to perform: sqs:SendMessage")


def _nobody_let_in(action: str) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.renew(WEBHOOK)
        answer = stage.invoke(WEBHOOK, stage.signed(f"W-{action[:3]}"))[1]
        assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (503, True)
        stage.logged_line(
            WEBHOOK, "secret of a sender cannot be read", f"not authorized to perform: {action}"
        )

    return breaks


def _not_enriched(symbol: str, action: str) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        before = stage.pointers()
        stage.store(stage.price(symbol))
        stage.logged_line(ENRICHER, f"not authorized to perform: {action}", f'"symbol":"{symbol}"')
        eventually(lambda: stage.pointers() > before, "a pointer at the price")
        stage.open()
        assert stage.run("dlq", "repair", "--symbol", symbol).code == 0
        stage.enriched(symbol, 1)

    return breaks


def _no_record_set_aside(stage: Stage) -> None:
    # The mapping's own message needs the same right, so on AWS there would be no dead letter at all: the
    # error and the alert tell of it, and the item stays in the table, where `repair` finds it.
    stage.put("E4", price={"S": "five"})
    stage.logged_line(ENRICHER, "not be set aside yet", "not authorized to perform: sqs:SendMessage", "E4")
    stage.open()
    result = stage.run("dlq", "repair", "--symbol", "E4")
    assert (result.code, "its price is no number" in result.out) == (1, True)


def _no_alert(stage: Stage) -> None:
    answer = stage.invoke(NOTIFIER, delivery("an error"))[0]
    assert "not authorized to perform: sns:Publish" in answer


BREAKS: dict[tuple[str, str], Callable[[Stage], None]] = {
    (WEBHOOK, "dynamodb:PutItem"): _nothing_stored,
    (WEBHOOK, "dynamodb:Query"): _second_of_a_millisecond,
    (WEBHOOK, "sqs:SendMessage"): _nothing_set_aside,
    (WEBHOOK, "ssm:GetParameter"): _nobody_let_in("ssm:GetParameter"),
    (WEBHOOK, "kms:Decrypt"): _nobody_let_in("kms:Decrypt"),
    (ENRICHER, "dynamodb:Query"): _not_enriched("E1", "dynamodb:Query"),
    (ENRICHER, "dynamodb:PartiQLUpdate"): _not_enriched("E2", "dynamodb:PartiQLUpdate"),
    (ENRICHER, "sns:Publish"): _not_enriched("E3", "sns:Publish"),
    (ENRICHER, "sqs:SendMessage"): _no_record_set_aside,
    (NOTIFIER, "sns:Publish"): _no_alert,
}


@pytest.mark.parametrize(("function", "action"), BREAKS, ids=lambda value: value)
def test_without_an_action_the_function_fails_for_all_to_see_and_no_price_is_lost(
    stage: Stage, function: str, action: str
) -> None:
    stage.guard(function, without=action)
    try:
        BREAKS[function, action](stage)
    finally:
        stage.open()


def test_nothing_that_a_function_asks_for_is_left_out_above(traffic: Traffic) -> None:
    pairs = {(function, ask.action) for function, several in traffic.itself.items() for ask in several}
    assert pairs == set(BREAKS)
