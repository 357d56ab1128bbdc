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
from dead_letters.workshop import ENRICHER, FROM_LAMBDA, WEBHOOK, Told, Workshop

pytestmark = pytest.mark.engine

EMPTY = {"webhook": (0, 0), "enricher": (0, 0)}


def test_an_empty_queue_is_a_finished_replay(shop: Workshop) -> None:
    summary = shop.replay()
    assert summary.complete
    assert summary.chosen == 0


def test_events_come_back_at_their_own_time_and_are_stored_once(shop: Workshop) -> None:
    shop.send_events([shop.price(number) for number in range(12)])
    listener = Told()
    summary = shop.replay(told=listener)
    assert summary.complete and summary.outcomes[Outcome.REPLAYED] == 12
    assert {result.way for result in listener.results} == {"store it at its own time: price stored"}
    stamps = [int(item["timestamp"]["N"]) for item in shop.items()]
    assert stamps == [shop.now_ms - 600_000 + number for number in range(12)]
    assert shop.depths == EMPTY


def test_the_time_is_that_of_the_http_event_else_of_the_log_else_of_the_queue(shop: Workshop) -> None:
    timeless = '{"symbol": "%s", "price": 1.50, "exchange": "kraken"}'
    request = shop.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    http = {"body": timeless % "HTTP", "requestContext": {"timeEpoch": shop.now_ms - 9_000}}
    shop.send(WEBHOOK, json.dumps(http))
    shop.send(WEBHOOK, json.dumps({"body": timeless % "LOG"}), attributes)
    shop.send(WEBHOOK, timeless % "QUEUED")
    listener = Told()
    assert shop.replay(told=listener).complete
    ways = {result.letter.symbols[0]: result.way for result in listener.results}
    assert "at the time of its HTTP event" in ways["HTTP"]
    assert "at the time of its first log line" in ways["LOG"]
    assert "at the time it was queued" in ways["QUEUED"]
    stored = {item["symbol"]["S"]: int(item["timestamp"]["N"]) for item in shop.items()}
    sent = {result.letter.symbols[0]: result.letter.message.sent_ms for result in listener.results}
    assert stored["HTTP"] == shop.now_ms - 9_000
    assert stored["QUEUED"] == sent["QUEUED"]
    assert shop.now_ms - 60_000 < stored["LOG"] < sent["LOG"]


def test_what_is_in_the_enrichers_queue_is_in_the_table_before_it_is_deleted(shop: Workshop) -> None:
    """The enricher answers an event without records that all went well."""
    with shop.paused():
        item = shop.put("NEW", 1)
        keys = {name: item[name] for name in ("symbol", "timestamp")}
        shop.send(ENRICHER, json.dumps({"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": keys}}]}))
        shop.send(ENRICHER, json.dumps({"body": shop.price(2, "SENT"), "requestContext": {"timeEpoch": 5}}))
        shop.send(ENRICHER, json.dumps({"Records": []}))
        listener = Told()
        summary = shop.replay(told=listener)
        processed = {row["symbol"]["S"]: row["processed"]["BOOL"] for row in shop.items()}
    assert processed == {"NEW": True, "SENT": False}
    assert summary.outcomes == {Outcome.REPLAYED: 2, Outcome.FAILED: 1}
    assert "neither prices nor records" in listener.results[-1].reason
    assert shop.depths == {"webhook": (0, 0), "enricher": (1, 0)}


def test_what_fails_again_stays_with_both_reasons_and_three_failures_end_it(shop: Workshop) -> None:
    refused = [shop.price(number, price=-1) for number in range(8)]
    shop.send_events(refused)
    listener = Told()
    summary = shop.replay(ReplayOptions(max_failures=3), listener)
    assert not summary.complete
    assert summary.stopped == "3 failures in a row"
    assert summary.outcomes == {Outcome.FAILED: 3, Outcome.NOT_TRIED: 5}
    failed = [result for result in listener.results if result.outcome is Outcome.FAILED]
    for result in failed:
        assert result.letter.error == FROM_LAMBDA["ErrorMessage"]["StringValue"]
        assert result.reason == "refused with status 400: price: must be greater than 0"
    assert shop.depths == {"webhook": (8, 0), "enricher": (0, 0)}
    with Journal(shop.journal) as journal:
        assert journal.failures() == {result.letter.message.key: result.reason for result in failed}


def test_failures_between_successes_do_not_end_it(shop: Workshop) -> None:
    shop.send_events([shop.price(n, price=-1 if n % 2 else 1) for n in range(10)])
    summary = shop.replay(ReplayOptions(max_failures=6))
    assert summary.outcomes == {Outcome.REPLAYED: 5, Outcome.FAILED: 5}
    assert not summary.stopped


def test_a_message_of_no_known_shape_is_never_touched(shop: Workshop) -> None:
    shop.send(WEBHOOK, "what is this?", {})
    shop.send(ENRICHER, '{"some": "thing"}', {})
    summary = shop.replay()
    assert summary.outcomes == {Outcome.UNKNOWN: 2}
    assert not summary.complete
    assert shop.depths == {"webhook": (1, 0), "enricher": (1, 0)}


def test_a_record_comes_back_when_its_item_is_mended(shop: Workshop) -> None:
    shop.put("BAD", 1, price={"S": "five"})
    shop.letters(ENRICHER, 1)
    assert shop.replay().outcomes == {Outcome.FAILED: 1}, "its item is still no price"
    shop.put("BAD", 1, price={"N": "5"})
    assert shop.replay().complete
    assert shop.items()[0]["processed"]["BOOL"] is True
    assert shop.depths == EMPTY


def test_a_set_price_mends_the_item_of_a_record(shop: Workshop) -> None:
    shop.put("BAD", 1, price={"S": "five"})
    shop.letters(ENRICHER, 1)
    assert shop.replay(ReplayOptions(edits=Edits(changes={"price": "5.10"}))).complete
    (item,) = shop.items()
    assert (item["price"], item["processed"]) == ({"N": "5.1"}, {"BOOL": True})


def test_a_set_price_mends_an_event_and_an_editor_too(shop: Workshop) -> None:
    shop.send_events([shop.price(1, price=-1), shop.price(2, price=-1)])
    assert shop.replay(ReplayOptions(limit=1, edits=Edits(changes={"price": "1.10"}))).complete
    edit = Edits(editor=lambda text: text.replace("-1", "2.0"))
    assert shop.replay(ReplayOptions(edits=edit)).complete
    assert sorted(item["price"]["N"] for item in shop.items()) == ["1.1", "2"]
    assert '"price": 1.10' in json.dumps([item["raw_data"]["S"] for item in shop.items()]).replace('\\"', '"')


def test_limit_and_filters_choose(shop: Workshop) -> None:
    shop.send_events([shop.price(n, symbol="BTC" if n % 2 else "ETH") for n in range(8)])
    assert shop.replay(ReplayOptions(selection=Selection(symbol="btc"))).outcomes == {Outcome.REPLAYED: 4}
    assert {item["symbol"]["S"] for item in shop.items()} == {"BTC"}
    assert shop.replay(ReplayOptions(limit=3)).outcomes == {Outcome.REPLAYED: 3}
    assert shop.depths == {"webhook": (1, 0), "enricher": (0, 0)}


def test_two_replays_at_once_share_the_work_and_store_nothing_twice(shop: Workshop) -> None:
    shop.send_events([shop.price(number) for number in range(30)])
    with Journal() as other, keep_invisible(shop.queues, other):
        options = ReceiveOptions(
            journal=other, before_ms=now_ms() + 1000, choose=lambda _: MessageState.CHOSEN
        )
        got = receive_all([shop.queues[WEBHOOK]], options)
        messages = [next(got) for _ in range(10)]
        summary = shop.replay()
        assert summary.chosen_is_replayed and summary.outcomes[Outcome.REPLAYED] == 20
        assert (summary.in_flight, summary.complete) == (10, False)
        shop.queues[WEBHOOK].set_visibility(messages, 0)
    assert shop.replay().outcomes == {Outcome.REPLAYED: 10}
    assert len(shop.items()) == 30
    assert shop.depths == EMPTY


def test_two_replays_on_two_machines_bring_everything_back_once(shop: Workshop, tmp_path: Path) -> None:
    shop.send_events([shop.price(number) for number in range(40)])

    def replay(machine: str) -> ReplaySummary:
        with Journal(tmp_path / machine) as journal:
            return Replay(shop.replayer, shop.queues, journal, ReplayOptions()).run()

    with ThreadPoolExecutor(2) as machines:
        first, second = machines.map(replay, ("one", "other"))
    assert first.chosen_is_replayed and second.chosen_is_replayed
    assert first.outcomes[Outcome.REPLAYED] + second.outcomes[Outcome.REPLAYED] == 40
    assert len(shop.items()) == 40
    assert shop.depths == EMPTY


def test_a_second_replay_on_the_same_machine_is_refused(shop: Workshop) -> None:
    with Journal(shop.journal), pytest.raises(Failure, match="Another replay"):
        shop.replay()


def test_a_message_that_sqs_delivers_again_is_deleted_and_not_replayed(shop: Workshop) -> None:
    shop.send_events([shop.price(1)])
    with Journal(shop.journal) as journal:
        options = ReceiveOptions(
            journal=journal, before_ms=now_ms() + 1000, choose=lambda _: MessageState.DONE
        )
        (message,) = receive_all([shop.queues[WEBHOOK]], options)
        journal.mark_replayed([message.key], now_ms())
        shop.queues[WEBHOOK].set_visibility([message], 0)
    summary = shop.replay()
    assert (summary.replayed_before, summary.chosen) == (1, 0)
    assert shop.items() == []
    assert shop.depths == EMPTY


def test_where_a_function_is_missing_the_message_stays(shop: Workshop, monkeypatch: Any) -> None:
    shop.send_events([shop.price(1)])
    real = shop.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "Invoke":
            raise AwsError(service=service, operation=operation, code="AccessDenied", message="not you")
        return real(service, operation, **params)

    monkeypatch.setattr(shop.aws, "call", call)
    listener = Told()
    assert shop.replay(told=listener).outcomes == {Outcome.FAILED: 1}
    assert listener.results[0].reason == "AccessDenied: not you"
    assert shop.depths == {"webhook": (1, 0), "enricher": (0, 0)}


def test_when_aws_goes_away_everything_is_released_or_taken_up(shop: Workshop, monkeypatch: Any) -> None:
    shop.send_events([shop.price(number) for number in range(5)])
    real = shop.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "DeleteMessageBatch" and params["Entries"]:
            raise AwsError(service=service, operation=operation, code="AccessDenied", message="not you")
        return real(service, operation, **params)

    with monkeypatch.context() as patch:
        patch.setattr(shop.aws, "call", call)
        with pytest.raises(AwsError):
            shop.replay()
    assert shop.replay().complete
    assert len(shop.items()) == 5
    assert shop.depths == EMPTY


def test_what_failed_is_tried_again_at_the_same_time_though_its_log_is_gone(shop: Workshop) -> None:
    request = shop.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    text = '{"prices": [{"symbol": "LATE", "price": 1, "exchange": "k"}, {"symbol": "LATE", "price": "x"}]}'
    shop.send(WEBHOOK, json.dumps({"body": text}), attributes)
    listener = Told()
    assert shop.replay(told=listener).outcomes == {Outcome.FAILED: 1}
    assert "refused with status 207" in listener.results[0].reason
    (stored,) = shop.items()
    shop.forget_logs()
    assert shop.replay().outcomes == {Outcome.FAILED: 1}
    assert [item["timestamp"] for item in shop.items()] == [stored["timestamp"]]


def test_ctrl_c_ends_it_and_the_next_one_goes_on(shop: Workshop, monkeypatch: Any) -> None:
    shop.send_events([shop.price(number) for number in range(8)])
    real = shop.aws.call
    invocations = 0

    def call(service: str, operation: str, **params: Any) -> Any:
        nonlocal invocations
        invocations += operation == "Invoke"
        if operation == "Invoke" and invocations == 3:
            raise KeyboardInterrupt
        return real(service, operation, **params)

    with monkeypatch.context() as patch:
        patch.setattr(shop.aws, "call", call)
        summary = shop.replay()
    assert summary.interrupted and not summary.complete
    assert summary.outcomes == {Outcome.REPLAYED: 2, Outcome.NOT_TRIED: 6}
    assert shop.depths["webhook"] == (5, 1), "what was begun is held: it may have been stored"
    summary = shop.replay()
    assert (summary.complete, summary.resumed, summary.outcomes[Outcome.REPLAYED]) == (True, 1, 6)
    assert len(shop.items()) == 8
    assert shop.depths == EMPTY
