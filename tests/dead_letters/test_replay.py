"""A replay on the embedded engine: everything comes back, once, and what does not stays where it is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.aws import AwsError
from cryptoctl.errors import Failure
from cryptoctl.ops.dead_letters.journal import Journal, MessageState
from cryptoctl.ops.dead_letters.payloads import Edits
from cryptoctl.ops.dead_letters.receiving import ReceiveOptions, keep_invisible, receive_all
from cryptoctl.ops.dead_letters.replay import Replay
from cryptoctl.ops.dead_letters.results import Outcome, ReplayOptions, ReplaySummary
from cryptoctl.ops.dead_letters.selection import Selection
from cryptoctl.ops.times import now_ms
from dead_letters.environment import ENRICHER, FROM_LAMBDA, WEBHOOK, DeadLetterEnvironment, ReplayRecorder

pytestmark = pytest.mark.engine

EMPTY = {"webhook": (0, 0), "enricher": (0, 0)}


def test_an_empty_queue_is_a_finished_replay(env: DeadLetterEnvironment) -> None:
    summary = env.replay()
    assert summary.complete
    assert summary.chosen == 0


def test_events_come_back_at_their_own_time_and_are_stored_once(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(number) for number in range(12)])
    listener = ReplayRecorder()
    summary = env.replay(listener=listener)
    assert summary.complete and summary.outcomes[Outcome.REPLAYED] == 12
    assert {result.way for result in listener.results} == {"store it at its own time: price stored"}
    stamps = [int(item["timestamp"]["N"]) for item in env.items()]
    assert stamps == [env.now_ms - 600_000 + number for number in range(12)]
    assert env.depths == EMPTY


def test_the_time_is_that_of_the_http_event_else_of_the_log_else_of_the_queue(
    env: DeadLetterEnvironment,
) -> None:
    timeless = '{"symbol": "%s", "price": 1.50, "exchange": "kraken"}'
    request = env.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    http = {"body": timeless % "HTTP", "requestContext": {"timeEpoch": env.now_ms - 9_000}}
    env.send(WEBHOOK, json.dumps(http))
    env.send(WEBHOOK, json.dumps({"body": timeless % "LOG"}), attributes)
    env.send(WEBHOOK, timeless % "QUEUED")
    listener = ReplayRecorder()
    assert env.replay(listener=listener).complete
    ways = {result.letter.symbols[0]: result.way for result in listener.results}
    assert "at the time of its HTTP event" in ways["HTTP"]
    assert "at the time of its first log line" in ways["LOG"]
    assert "at the time it was queued" in ways["QUEUED"]
    stored = {item["symbol"]["S"]: int(item["timestamp"]["N"]) for item in env.items()}
    sent = {result.letter.symbols[0]: result.letter.message.sent_ms for result in listener.results}
    assert stored["HTTP"] == env.now_ms - 9_000
    assert stored["QUEUED"] == sent["QUEUED"]
    assert env.now_ms - 60_000 < stored["LOG"] < sent["LOG"]


def test_what_is_in_the_enrichers_queue_is_in_the_table_before_it_is_deleted(
    env: DeadLetterEnvironment,
) -> None:
    """The enricher answers an event without records that all went well."""
    with env.paused():
        item = env.put("NEW", 1)
        keys = {name: item[name] for name in ("symbol", "timestamp")}
        env.send(ENRICHER, json.dumps({"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": keys}}]}))
        env.send(ENRICHER, json.dumps({"body": env.price(2, "SENT"), "requestContext": {"timeEpoch": 5}}))
        env.send(ENRICHER, json.dumps({"Records": []}))
        listener = ReplayRecorder()
        summary = env.replay(listener=listener)
        processed = {row["symbol"]["S"]: row["processed"]["BOOL"] for row in env.items()}
    assert processed == {"NEW": True, "SENT": False}
    assert summary.outcomes == {Outcome.REPLAYED: 2, Outcome.FAILED: 1}
    assert "neither prices nor records" in listener.results[-1].reason
    assert env.depths == {"webhook": (0, 0), "enricher": (1, 0)}


def test_what_fails_again_stays_with_both_reasons_and_three_failures_end_it(
    env: DeadLetterEnvironment,
) -> None:
    refused = [env.price(number, price=-1) for number in range(8)]
    env.send_events(refused)
    listener = ReplayRecorder()
    summary = env.replay(ReplayOptions(max_failures=3), listener)
    assert not summary.complete
    assert summary.stopped == "3 failures in a row"
    assert summary.outcomes == {Outcome.FAILED: 3, Outcome.NOT_TRIED: 5}
    failed = [result for result in listener.results if result.outcome is Outcome.FAILED]
    for result in failed:
        assert result.letter.error == FROM_LAMBDA["ErrorMessage"]["StringValue"]
        assert result.reason == "refused with status 400: price: must be greater than 0"
    assert env.depths == {"webhook": (8, 0), "enricher": (0, 0)}
    with Journal(env.journal) as journal:
        assert journal.failures() == {result.letter.message.key: result.reason for result in failed}


def test_failures_between_successes_do_not_end_it(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(n, price=-1 if n % 2 else 1) for n in range(10)])
    summary = env.replay(ReplayOptions(max_failures=6))
    assert summary.outcomes == {Outcome.REPLAYED: 5, Outcome.FAILED: 5}
    assert not summary.stopped


def test_a_message_of_no_known_shape_is_never_touched(env: DeadLetterEnvironment) -> None:
    env.send(WEBHOOK, "what is this?", {})
    env.send(ENRICHER, '{"some": "thing"}', {})
    summary = env.replay()
    assert summary.outcomes == {Outcome.UNKNOWN: 2}
    assert not summary.complete
    assert env.depths == {"webhook": (1, 0), "enricher": (1, 0)}


def test_a_record_comes_back_when_its_item_is_mended(env: DeadLetterEnvironment) -> None:
    env.put("BAD", 1, price={"S": "five"})
    env.letters(ENRICHER, 1)
    assert env.replay().outcomes == {Outcome.FAILED: 1}, "its item is still no price"
    env.put("BAD", 1, price={"N": "5"})
    assert env.replay().complete
    assert env.items()[0]["processed"]["BOOL"] is True
    assert env.depths == EMPTY


def test_a_set_price_mends_the_item_of_a_record(env: DeadLetterEnvironment) -> None:
    env.put("BAD", 1, price={"S": "five"})
    env.letters(ENRICHER, 1)
    assert env.replay(ReplayOptions(edits=Edits(changes={"price": "5.10"}))).complete
    (item,) = env.items()
    assert (item["price"], item["processed"]) == ({"N": "5.1"}, {"BOOL": True})


def test_a_set_price_mends_an_event_and_an_editor_too(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(1, price=-1), env.price(2, price=-1)])
    assert env.replay(ReplayOptions(limit=1, edits=Edits(changes={"price": "1.10"}))).complete
    edit = Edits(editor=lambda text: text.replace("-1", "2.0"))
    assert env.replay(ReplayOptions(edits=edit)).complete
    assert sorted(item["price"]["N"] for item in env.items()) == ["1.1", "2"]
    assert '"price": 1.10' in json.dumps([item["raw_data"]["S"] for item in env.items()]).replace('\\"', '"')


def test_limit_and_filters_choose(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(n, symbol="BTC" if n % 2 else "ETH") for n in range(8)])
    assert env.replay(ReplayOptions(selection=Selection(symbol="btc"))).outcomes == {Outcome.REPLAYED: 4}
    assert {item["symbol"]["S"] for item in env.items()} == {"BTC"}
    assert env.replay(ReplayOptions(limit=3)).outcomes == {Outcome.REPLAYED: 3}
    assert env.depths == {"webhook": (1, 0), "enricher": (0, 0)}


def test_two_replays_at_once_share_the_work_and_store_nothing_twice(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(number) for number in range(15)])
    with Journal() as other, keep_invisible(env.queues, other):
        options = ReceiveOptions(
            journal=other, before_ms=now_ms() + 1000, choose=lambda _: MessageState.CHOSEN
        )
        got = receive_all([env.queues[WEBHOOK]], options)
        messages = [next(got) for _ in range(10)]
        summary = env.replay()
        assert summary.chosen_is_replayed and summary.outcomes[Outcome.REPLAYED] == 5
        assert (summary.unreceived.in_flight, summary.complete) == (10, False)
        env.queues[WEBHOOK].set_visibility(messages, 0)
    assert env.replay().outcomes == {Outcome.REPLAYED: 10}
    assert len(env.items()) == 15
    assert env.depths == EMPTY


def test_two_replays_on_two_machines_bring_everything_back_once(
    env: DeadLetterEnvironment, tmp_path: Path
) -> None:
    env.send_events([env.price(number) for number in range(24)])

    def replay(machine: str) -> ReplaySummary:
        with Journal(tmp_path / machine) as journal:
            return Replay(env.replayer, env.queues, journal, ReplayOptions()).run()

    with ThreadPoolExecutor(2) as machines:
        first, second = machines.map(replay, ("one", "other"))
    assert first.chosen_is_replayed and second.chosen_is_replayed
    assert first.outcomes[Outcome.REPLAYED] + second.outcomes[Outcome.REPLAYED] == 24
    assert len(env.items()) == 24
    assert env.depths == EMPTY


def test_a_second_replay_on_the_same_machine_is_refused(env: DeadLetterEnvironment) -> None:
    with Journal(env.journal), pytest.raises(Failure, match="Another replay"):
        env.replay()


def test_a_message_that_sqs_delivers_again_is_deleted_and_not_replayed(env: DeadLetterEnvironment) -> None:
    env.send_events([env.price(1)])
    with Journal(env.journal) as journal:
        options = ReceiveOptions(
            journal=journal, before_ms=now_ms() + 1000, choose=lambda _: MessageState.DONE
        )
        (message,) = receive_all([env.queues[WEBHOOK]], options)
        journal.mark_replayed([message.key], now_ms())
        env.queues[WEBHOOK].set_visibility([message], 0)
    summary = env.replay()
    assert (summary.replayed_before, summary.chosen) == (1, 0)
    assert env.items() == []
    assert env.depths == EMPTY


def test_where_a_function_is_missing_the_message_stays(env: DeadLetterEnvironment, monkeypatch: Any) -> None:
    env.send_events([env.price(1)])
    real = env.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "Invoke":
            raise AwsError(service=service, operation=operation, code="AccessDenied", message="not you")
        return real(service, operation, **params)

    monkeypatch.setattr(env.aws, "call", call)
    listener = ReplayRecorder()
    assert env.replay(listener=listener).outcomes == {Outcome.FAILED: 1}
    assert listener.results[0].reason == "AccessDenied: not you"
    assert env.depths == {"webhook": (1, 0), "enricher": (0, 0)}


def test_when_aws_goes_away_everything_is_released_or_taken_up(
    env: DeadLetterEnvironment, monkeypatch: Any
) -> None:
    env.send_events([env.price(number) for number in range(5)])
    real = env.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "DeleteMessageBatch" and params["Entries"]:
            raise AwsError(service=service, operation=operation, code="AccessDenied", message="not you")
        return real(service, operation, **params)

    with monkeypatch.context() as patch:
        patch.setattr(env.aws, "call", call)
        with pytest.raises(AwsError):
            env.replay()
    assert env.replay().complete
    assert len(env.items()) == 5
    assert env.depths == EMPTY


def test_what_failed_is_tried_again_at_the_same_time_though_its_log_is_gone(
    env: DeadLetterEnvironment,
) -> None:
    request = env.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    text = '{"prices": [{"symbol": "LATE", "price": 1, "exchange": "k"}, {"symbol": "LATE", "price": "x"}]}'
    env.send(WEBHOOK, json.dumps({"body": text}), attributes)
    listener = ReplayRecorder()
    assert env.replay(listener=listener).outcomes == {Outcome.FAILED: 1}
    assert "refused with status 207" in listener.results[0].reason
    (stored,) = env.items()
    env.forget_logs()
    assert env.replay().outcomes == {Outcome.FAILED: 1}
    assert [item["timestamp"] for item in env.items()] == [stored["timestamp"]]


def test_ctrl_c_ends_it_and_the_next_one_goes_on(env: DeadLetterEnvironment, monkeypatch: Any) -> None:
    env.send_events([env.price(number) for number in range(8)])
    real = env.aws.call
    invocations = 0

    def call(service: str, operation: str, **params: Any) -> Any:
        nonlocal invocations
        invocations += operation == "Invoke"
        if operation == "Invoke" and invocations == 3:
            raise KeyboardInterrupt
        return real(service, operation, **params)

    with monkeypatch.context() as patch:
        patch.setattr(env.aws, "call", call)
        summary = env.replay()
    assert summary.interrupted and not summary.complete
    assert summary.outcomes == {Outcome.REPLAYED: 2, Outcome.NOT_TRIED: 6}
    assert env.depths["webhook"] == (5, 1), "what was begun is held: it may have been stored"
    summary = env.replay()
    assert (summary.complete, summary.resumed, summary.outcomes[Outcome.REPLAYED]) == (True, 1, 6)
    assert len(env.items()) == 8
    assert env.depths == EMPTY
