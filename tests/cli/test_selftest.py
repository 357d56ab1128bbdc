"""`selftest` on the embedded engine: what it makes, what it finds, what it leaves, and what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.conftest import Cli
from cryptoctl.ops.selftest import catalogue, own_runs
from cryptoctl.ops.selftest.environment import earlier_environments, new_name
from cryptoctl.provisioners.tags import key_values
from live import Connect, Live

pytestmark = pytest.mark.engine
# What needs little, and is of each kind: a refusal, something that is compared, something the engine lacks.
FEW = ("queue-missing", "queue-exists", "table-numbers", "queue-deleted-recently")
YOUNG = timedelta(minutes=1)
OLD = timedelta(hours=2)


@pytest.fixture
def cli(elsewhere: Path) -> Cli:
    """cryptoctl on the engine, in an empty directory."""
    return Cli("--local")


@pytest.fixture
def account(connect: Connect) -> Iterator[Live]:
    """The account of all of them, in which no run has left anything."""
    live = connect("any")
    assert earlier_environments(live.aws) == []
    yield live


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


def left_behind(live: Live, name: str) -> None:
    """A queue and a table with deletion protection, as a run that was killed may have left them."""
    tags = {"ManagedBy": "cryptoctl", "Environment": name}
    live.aws.call("sqs", "CreateQueue", QueueName=f"probe-dlq-{name}", tags=tags)
    live.aws.call(
        "dynamodb",
        "CreateTable",
        TableName=f"crypto-prices-{name}",
        AttributeDefinitions=[
            {"AttributeName": "symbol", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "symbol", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        Tags=key_values(tags),
    )


def test_it_says_what_it_makes_and_costs_and_leaves_nothing_but_a_report(
    cli: Cli, account: Live, elsewhere: Path
) -> None:
    result = cli.ok("selftest", "--yes", *only(*FEW))
    assert "This makes the environment selftest-" in result.err
    assert "less than 0.10 USD" in result.err
    assert earlier_environments(account.aws) == []
    assert own_runs.names() == set()
    report = json.loads((elsewhere / "cryptoctl-selftest.json").read_text("utf-8"))
    outcomes = {claim["id"]: claim["outcome"] for claim in report["claims"]}
    assert outcomes == {
        "environment-made": "holds",
        "queue-missing": "holds",
        "queue-exists": "holds",
        "table-numbers": "holds",
        "queue-deleted-recently": "not shown here",
        "all-removed": "holds",
    }
    text = (elsewhere / "cryptoctl-selftest.md").read_text("utf-8")
    assert "checked on the embedded engine" in text
    assert f":{account.stack.scope.account}" not in text + json.dumps(report)


def test_a_claim_that_does_not_hold_is_told_and_makes_the_exit_code(
    cli: Cli, account: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine takes other tags for a topic that is there, which AWS refuses.
    [claim] = [written for written in catalogue.WRITTEN if written.id == "topic-with-other-tags"]
    monkeypatch.setattr(catalogue, "WRITTEN", (replace(claim, engine_limit=""),))
    result = cli("selftest", "--yes", *only(claim.id), "--output", "json")
    assert result.code == 1
    assert result.json["report"]["counts"]["differs"] == 1
    assert "AWS accepted the request" in result.out
    assert claim.id in result.json["failure"]["message"]
    assert earlier_environments(account.aws) == []


def test_what_a_killed_run_has_left_is_removed_first(cli: Cli, account: Live) -> None:
    killed, old, others = (new_name(datetime.now(UTC) - ago) for ago in (YOUNG, OLD, YOUNG))
    own_runs.add(killed)
    for name in (killed, old, others):
        left_behind(account, name)
    result = cli.ok("selftest", "--yes", *only("queue-missing"), "--output", "json")
    assert sorted(result.json["removed"]) == sorted([killed, old])
    assert earlier_environments(account.aws) == [others]
    assert f"{others} is left: another run may be at work on it" in result.err
    assert own_runs.names() == set()
    table = f"crypto-prices-{others}"
    account.aws.call("dynamodb", "UpdateTable", TableName=table, DeletionProtectionEnabled=False)
    account.aws.call("dynamodb", "DeleteTable", TableName=table)
    url = account.aws.call("sqs", "GetQueueUrl", QueueName=f"probe-dlq-{others}")["QueueUrl"]
    account.aws.call("sqs", "DeleteQueue", QueueUrl=url)


def test_it_asks_first_and_refuses_what_it_cannot_do_before_anything_is_made(
    cli: Cli, account: Live, elsewhere: Path
) -> None:
    unasked = cli("selftest", *only("queue-missing"))
    assert (unasked.code, "Add --yes" in unasked.err) == (6, True)
    unknown = cli("selftest", "--yes", *only("queue-missin"))
    assert (unknown.code, "queue-missing" in unknown.err) == (2, True)
    nowhere = cli("selftest", "--yes", "--report-dir", str(elsewhere / "none"))
    assert (nowhere.code, "no directory that can be written to" in nowhere.err) == (2, True)
    assert list(elsewhere.iterdir()) == []
    assert earlier_environments(account.aws) == []


def test_the_claims_are_listed_without_asking_aws(cli: Cli) -> None:
    result = Cli("--aws")("selftest", "--list", "--output", "json")
    assert result.code == 0
    assert {"queue-missing", "log-timeout"} <= {claim["id"] for claim in result.json["claims"]}
    assert result.json["account"] is None
    assert "queue-missing" in cli.ok("selftest", "--list").out


@pytest.mark.torture
def test_the_whole_of_it_holds_on_the_engine(cli: Cli, account: Live) -> None:
    result = cli("selftest", "--yes", "--output", "json")
    report = result.json["report"]
    differing = [claim for claim in report["claims"] if claim["outcome"] not in ("holds", "not shown here")]
    assert (result.code, differing) == (0, [])
    assert report["counts"]["holds"] > 50
    assert earlier_environments(account.aws) == []


def test_every_claim_about_an_error_names_whole_codes() -> None:
    written = [claim for claim in catalogue.WRITTEN if re.search(r"answered with \w or \w\b", claim.text)]
    assert written == []
