"""What a function's role allows, decided by somebody else: ministack alone enforces IAM on handlers' calls.

It does so as AWS does for these calls, but for two, which are allowed here by names of its own and on `*`. It
does not for the commands (many exact grants are denied there), nor for what Lambda does on a function's
behalf. All this is in test_roles.py and its neighbours, by the tests' own evaluator.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostile.clients import fork_server
from hostile.inventory import Account
from permissions.enforcing import ROOT, enforcing
from permissions.stage import ENRICHER, FUNCTIONS, NOTIFIER, WEBHOOK
from permissions.traffic import delivery

pytestmark = pytest.mark.engine

NAME = "enforced"
# AWS decides on these by the action on the left; ministack has one of its own, and finds no resource for one.
ITS_OWN = {"sns:Publish": "sns:PublishBatch", "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement"}
POISON = {"symbol": {"S": "BTC"}, "timestamp": {"N": "1"}, "price": {"S": "five"}}


class Enforced:
    """The three functions, as `up` has made them, where IAM is enforced."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._policies = {function: dict(self._read(function)) for function in FUNCTIONS}
        self._moment_ms = int(time.time() * 1000) - 600_000

    def _read(self, function: str) -> Iterator[tuple[str, Any]]:
        iam, role = self.account["iam"], f"{function}-{NAME}-role"
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            yield name, iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def allow(self, function: str, *, without: tuple[str, ...] = ()) -> None:
        """The role's policies as `up` wrote them, but for some actions."""
        granted = {action for policy in self._policies[function].values() for action in _actions(policy)}
        actions = [ITS_OWN[action] for action in sorted(granted - {*without}) if action in ITS_OWN]
        self._write(function, "names-of-its-own", {"Action": actions, "Resource": "*"})
        for name, policy in self._policies[function].items():
            (statement,) = policy["Statement"]
            self._write(function, name, {**statement, "Action": sorted({*_actions(policy)} - {*without})})

    def _write(self, function: str, name: str, statement: dict[str, Any]) -> None:
        iam, role = self.account["iam"], f"{function}-{NAME}-role"
        if statement["Action"]:
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        elif name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)

    def says(self, function: str, event: object) -> str:
        """What the function answers, or why it failed."""
        reply = self.account["lambda"].invoke(
            FunctionName=f"{function}-{NAME}", Payload=json.dumps(event).encode()
        )
        return str(reply["Payload"].read().decode())

    def price(self, *, later_ms: int = 1, **more: object) -> dict[str, Any]:
        """A price as an event, at a time of its own unless it is 0 ms later than the one before."""
        self._moment_ms += later_ms
        price = {"symbol": "BTC", "price": later_ms + 1, "exchange": "kraken", "timestamp": self._moment_ms}
        return {"body": json.dumps(price), **more}

    def record(self, item: object) -> dict[str, Any]:
        """An item as the stream would bring it."""
        image = {"NewImage": item, "SequenceNumber": "1"}
        return {"Records": [{"eventName": "INSERT", "dynamodb": image}]}

    def stored(self) -> dict[str, Any]:
        """A price in the table, not yet enriched."""
        assert '"statusCode": 200' in self.says(WEBHOOK, self.price())
        return self.newest()

    def newest(self) -> dict[str, Any]:
        """The newest price in the table."""
        page: dict[str, Any] = self.account["dynamodb"].query(
            TableName=f"crypto-prices-{NAME}",
            KeyConditionExpression="symbol = :symbol",
            ExpressionAttributeValues={":symbol": {"S": "BTC"}},
            ScanIndexForward=False,
        )["Items"][0]
        return page


def _actions(policy: Any) -> list[str]:
    return [action for statement in policy["Statement"] for action in statement["Action"]]


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    """Made by `up`; without the stream mapping, so that the enricher is invoked by nobody else."""
    home: Path = tmp_path_factory.mktemp("enforced")
    (home / "ministack").mkdir()
    with enforcing(home / "ministack") as url, fork_server(url, ROOT, home / "clients") as clients:
        options = [word for function in FUNCTIONS for word in ("--only", f"{function}-{NAME}")]
        config = home / "cryptoctl.toml"
        # It is reached without TLS, and enforces that too.
        config.write_text(f"[env.{NAME}.security]\nrefuse_plain_http = false\n", encoding="utf-8")
        result = clients.run("up", "--env", NAME, "--aws", "--yes", "--config", str(config), *options)
        assert result.code == 0, result.err
        account = Account(url, ROOT)
        for mapping in account["lambda"].list_event_source_mappings()["EventSourceMappings"]:
            account["lambda"].delete_event_source_mapping(UUID=mapping["UUID"])
        yield Enforced(account)
        account.close()


def test_the_roles_are_enough(enforced: Enforced) -> None:
    for function in FUNCTIONS:
        enforced.allow(function)
    item = enforced.stored()
    assert '"statusCode": 200' in enforced.says(WEBHOOK, enforced.price(later_ms=0))
    assert enforced.says(ENRICHER, enforced.record(item)) == '{"batchItemFailures": []}'
    assert enforced.says(ENRICHER, enforced.record(enforced.newest())) == '{"batchItemFailures": []}'
    assert enforced.newest()["processed"] == {"BOOL": True}
    assert enforced.says(ENRICHER, enforced.record(POISON)) == '{"batchItemFailures": []}'
    assert enforced.says(NOTIFIER, delivery("an error")) == '{"alerts": 1, "events": 1}'


def _second_of_a_millisecond(enforced: Enforced) -> str:
    enforced.stored()
    return enforced.says(WEBHOOK, enforced.price(later_ms=0))


def _enriches(enforced: Enforced) -> str:
    return enforced.says(ENRICHER, enforced.record(enforced.stored()))


def _word() -> str:
    """One that no alert has had: what was told a moment ago is not told again, and digits do not count."""
    return "".join(random.choices("ghijklmnopqrstuvwxyz", k=12))


BREAKS: dict[tuple[str, str], Callable[[Enforced], str]] = {
    (WEBHOOK, "dynamodb:PutItem"): lambda enforced: enforced.says(WEBHOOK, enforced.price()),
    (WEBHOOK, "dynamodb:Query"): _second_of_a_millisecond,
    (ENRICHER, "dynamodb:Query"): _enriches,
    (ENRICHER, "dynamodb:PartiQLUpdate"): _enriches,
    (ENRICHER, "sns:Publish"): _enriches,
    (ENRICHER, "sqs:SendMessage"): lambda enforced: enforced.says(ENRICHER, enforced.record(POISON)),
    (NOTIFIER, "sns:Publish"): lambda enforced: enforced.says(NOTIFIER, delivery(f"an error of {_word()}")),
}


@pytest.mark.parametrize(("function", "action"), BREAKS, ids=lambda value: value)
def test_without_an_action_the_function_is_denied(enforced: Enforced, function: str, action: str) -> None:
    for name in FUNCTIONS:
        enforced.allow(name)
    enforced.allow(function, without=(action, ITS_OWN.get(action, "")))
    denied = (
        f"is not authorized to perform: {ITS_OWN.get(action, action) if function == ENRICHER else action} "
    )
    assert denied in BREAKS[function, action](enforced)


def test_without_the_queue_the_webhook_asks_to_be_sent_it_again(enforced: Enforced) -> None:
    enforced.allow(WEBHOOK, without=("dynamodb:PutItem",))
    event = enforced.price(requestContext={"timeEpoch": 1})
    assert "kept on the dead-letter queue" in enforced.says(WEBHOOK, event)
    enforced.allow(WEBHOOK, without=("dynamodb:PutItem", "sqs:SendMessage"))
    assert "not stored and not kept: send it again" in enforced.says(WEBHOOK, event)
