"""`iam-policy --for read` and `--for operate`: enough for their commands, and nothing in them is too much.

The commands' requests pass a proxy that refuses whatever the policy does not grant: it is enforced, by the
tests' own evaluator. What the engine itself enforces of IAM is not AWS's (docs/permissions.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.ops.permissions import Purpose
from feed.exchange_server import ExchangeServer
from feed.harness import real_trades
from hostile.requests import violations
from kit.waiting import eventually
from permissions.authorization import actions_of, granted, idle, idle_grants
from permissions.commands import Command, Person, RequestedActions, commands_of, problems_without_each
from permissions.guard import USER, Outage
from permissions.stage import ENRICHER, NOTHING, STAGE, WEBHOOK, Stage
from permissions.traffic import event_dead, http_event_set_aside, pointer_dead, record_set_aside

pytestmark = pytest.mark.engine

# Without it, `status` shows no iterator age.
AGE = "cloudwatch:GetMetricData"
# Without these only orphans are not found, which a note says.
FORMER_ROLES = "iam:ListRoles"
TAG_INDEX = "tag:GetResources"
# Without it the plan says that it is not known whether the table's own policy denies anything.
TABLE_POLICY = "dynamodb:GetResourcePolicy"


def _command(*words: str) -> Command:
    return Command(words=words)


READING = [
    *map(_command, ("plan", "outputs", "envs", "doctor")),
    _command("open", "table", "--print"),
    # With a sender, what `deploy` needs takes two parts.
    _command("iam-policy", "--part", "1"),
    _command("prices", "SENT"),
    _command("cost", "--actual"),
    _command("webhook", "list"),
    _command("chart", "SENT", "--last", "400"),
    _command("candles", "SENT", "--interval", "5m"),
    _command("symbols"),
    # First the one that finds nothing, whatever has been logged until it is run again.
    _command("logs", "--since", "2099-01-01"),
    _command("logs", "--since", "1h"),
    _command("logs", "enricher", "--since", "1h30m", "--level", "error"),
    # Last: they go on without what may not be read.
    _command("status"),
    _command("dashboard", "--save", os.devnull),
]


def operating(directory: Path, exchange: ExchangeServer) -> list[Command]:
    """All that an operator does besides, each dead letter coming back in the end but the one that is none."""
    prices, letters, purged = (str(directory / name) for name in ("p.csv", "exported.jsonl", "purged.jsonl"))
    Path(prices).write_text("symbol,price,exchange\nSENT,1,here\nSENT,2,here\n", encoding="utf-8")
    return [
        _command("send-price", "SENT", "100", "here", "--id", "7"),
        _command("send-price", "SENT", "101", "here", "--async"),
        _command("send-price", "--file", prices, "--now"),
        _command("prices", "SENT", "--wait"),
        _command("trace", "SENT", "--id", "7"),
        # Whether the table has trades of it or not, it looks for them, and sends what is newer.
        Command(
            words=("feed", "binance", "BTC/USDT", "--for", "2s"),
            variables={"EXCHANGES_PORT": str(exchange.port), "NO_PROXY": "127.0.0.1"},
        ),
        _command("dlq", "list"),
        _command("dlq", "peek"),
        _command("dlq", "peek", "--symbol", "OHTTP", "--limit", "3"),
        _command("dlq", "export", letters),
        Command(
            words=("dlq", "purge", "--where", "shape!='unknown'", "--yes", "--export-to", purged),
            before=lambda: Path(purged).unlink(missing_ok=True),
        ),
        _command("dlq", "import", purged),
        Command(words=("dlq", "replay", "--dry-run"), code=1),  # one of the letters cannot be replayed
        _command("dlq", "replay", "--where", "shape=='pointer'"),
        _command("dlq", "replay", "--where", "shape=='record'", "--set", "price=5"),
        _command("dlq", "replay", "--where", "shape=='event'"),
        _command("dlq", "repair"),
        _command("dlq", "repair", "--symbol", "SENT", "--since", "2d"),
    ]


def letters_of_every_shape(stage: Stage, prefix: str) -> None:
    """Real failures of real functions, and a message that is none of ours."""
    stage.guard(WEBHOOK, more=[Outage("dynamodb:PutItem")])
    http_event_set_aside(stage, f"{prefix}HTTP")
    event_dead(stage, f"{prefix}EVENT")
    stage.guard(WEBHOOK)
    record_set_aside(stage, f"{prefix}POISON")
    stage.guard(ENRICHER, more=[Outage("sns:PublishBatch")])
    pointer_dead(stage, f"{prefix}POINTER")
    (item,) = stage.items(f"{prefix}POINTER")
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": "1"}}
    stage.invoke(ENRICHER, {"Records": [record]}, kind="Event")
    stage.letter(ENRICHER, "Records")
    stage.account["sqs"].send_message(QueueUrl=stage.queue(f"{ENRICHER}-dlq-{STAGE}"), MessageBody="hello")
    stage.open()


def empty(stage: Stage) -> None:
    """Nothing waits in the queues."""
    for function in (WEBHOOK, ENRICHER):
        stage.account["sqs"].purge_queue(QueueUrl=stage.queue(f"{function}-dlq-{STAGE}"))


@pytest.fixture(scope="module")
def reader(stage: Stage) -> Person:
    """Who may only look."""
    return Person(stage.world, STAGE, Purpose.READ)


@pytest.fixture(scope="module")
def operator(stage: Stage) -> Iterator[Person]:
    """Who works with it."""
    yield Person(stage.world, STAGE, Purpose.OPERATE)
    stage.open()
    empty(stage)


@pytest.fixture(scope="module")
def letters(stage: Stage) -> None:
    """Dead letters of every shape wait."""
    empty(stage)
    letters_of_every_shape(stage, "O")


@pytest.fixture(scope="module")
def read(reader: Person, letters: None) -> RequestedActions:
    """Every command that a reader has, with dead letters of every shape."""
    return reader.runs(READING)


@pytest.fixture(scope="module")
def nobody(stage: Stage) -> Person:
    """Who may only look, where nothing is."""
    return Person(stage.world, NOTHING, Purpose.READ)


@pytest.fixture(scope="module")
def nothing(nobody: Person) -> RequestedActions:
    """There more is looked at: whether a key can be taken back, and the account's quota."""
    return nobody.runs([_command("plan")])


@pytest.fixture(scope="module")
def operated(
    stage: Stage, operator: Person, read: RequestedActions, tmp_path_factory: pytest.TempPathFactory
) -> RequestedActions:
    """Every command that an operator has: a reader's, which were run as one, and all others."""
    operations = operator.would_run(read)
    with ExchangeServer({"BTCUSDT": real_trades(3)}) as exchange:
        operations = operations.and_then(
            operator.runs(operating(tmp_path_factory.mktemp("operating"), exchange))
        )
    stage.enriched("BTC/USDT", 1)
    for symbol in ("OHTTP", "OEVENT", "OPOISON", "OPOINTER"):
        stage.enriched(symbol, 1)
    assert [letter["Body"] for letter in stage.letters(ENRICHER) + stage.letters(WEBHOOK)] == ["hello"]
    return operations


def test_who_reads_has_enough(read: RequestedActions) -> None:
    assert read.lacking == set()
    assert {command.name for command, _ in read.by_command} == commands_of(Purpose.READ)


def test_who_operates_has_enough(operated: RequestedActions) -> None:
    assert operated.lacking == set()
    assert {command.name for command, _ in operated.by_command} == commands_of(Purpose.OPERATE)


def test_every_request_is_valid(
    read: RequestedActions, operated: RequestedActions, nothing: RequestedActions
) -> None:
    assert violations([*read.requests, *operated.requests, *nothing.requests]) == []


def test_each_action_of_reading_is_asked_for_on_each_resource(
    read: RequestedActions, nothing: RequestedActions
) -> None:
    assert idle_grants(read.policy, read.every) - _granted(nothing) == set()


def test_each_action_of_operating_is_asked_for_on_each_resource(
    operated: RequestedActions, nothing: RequestedActions
) -> None:
    assert idle_grants(operated.policy, operated.every) - _granted(nothing) == set()


def _granted(requested: RequestedActions) -> set[tuple[str, str]]:
    return {(ask.action, ask.resource) for ask in requested.every if granted(requested.policy, ask)}


def test_without_an_action_of_reading_a_command_says_which(reader: Person, read: RequestedActions) -> None:
    assert problems_without_each(reader, read, _actions_needed(read)[::4]) == []


@pytest.mark.torture
def test_without_any_action_of_reading_a_command_says_which(
    reader: Person, read: RequestedActions, nobody: Person, nothing: RequestedActions
) -> None:
    assert problems_without_each(reader, read, _actions_needed(read)) == []
    assert problems_without_each(nobody, nothing, idle(read.policy, read.every)) == []


def _actions_needed(requested: RequestedActions) -> list[str]:
    """The actions whose absence a command cannot do without."""
    without = {AGE, FORMER_ROLES, TAG_INDEX, TABLE_POLICY, *idle(requested.policy, requested.every)}
    return [action for action in actions_of(requested.policy) if action not in without]


def test_without_the_metrics_status_shows_all_but_the_age(stage: Stage, reader: Person) -> None:
    stage.store(stage.price("AGE"))
    stage.enriched("AGE", 1)
    status = _command("status", "-o", "json")

    def age(without: str = "") -> float | None:
        result = reader.tries(status, without=without)[1]
        assert result.code == 0
        age_s: float | None = result.document()["mappings"][0]["iterator_age_s"]
        return age_s

    assert eventually(lambda: age() is not None, "the age of the last record")
    assert age(without=AGE) is None


def test_without_a_list_a_plan_says_that_former_ones_were_not_looked_for(reader: Person) -> None:
    action = FORMER_ROLES
    _, result = reader.tries(_command("plan"), without=action)
    assert result.code == 0
    output = " ".join(result.out.split())
    assert f"Orphaned resources were not searched completely: {action} answered AccessDenied" in output
    assert USER in output and "run `cryptoctl iam-policy --for read" in output, "which is enough for a plan"


# In the order in which the letters last: who may not let go of a message leaves it out of sight for a while.
OPERATING = (
    "lambda:InvokeFunction",
    "dynamodb:GetShardIterator",
    "dynamodb:GetRecords",
    "dynamodb:BatchGetItem",
    "dynamodb:UpdateItem",
    "sqs:DeleteMessage",
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
)


SAMPLE = (
    "dynamodb:GetShardIterator",
    "dynamodb:BatchGetItem",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
)


def test_without_an_action_of_operating_a_command_says_which(
    stage: Stage, operator: Person, operated: RequestedActions
) -> None:
    letters_of_every_shape(stage, "S")
    assert problems_without_each(operator, operated, SAMPLE) == []
    empty(stage)


@pytest.mark.torture
def test_without_any_action_of_operating_a_command_says_which(
    stage: Stage, operator: Person, operated: RequestedActions, read: RequestedActions
) -> None:
    assert {*OPERATING} == {*actions_of(operated.policy)} - {*actions_of(read.policy)}
    letters_of_every_shape(stage, "T")
    assert problems_without_each(operator, operated, OPERATING) == []
    empty(stage)
