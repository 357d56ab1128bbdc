"""Looking takes nothing out; what is written to a file comes back as it was; nothing obeys the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.ops.dead_letters.causes import count_causes
from cryptoctl.ops.dead_letters.messages import DeadLetter, Message
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.selection import Selection
from dead_letters.command_line import Dlq
from dead_letters.environment import ENRICHER, FROM_LAMBDA, WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine


def _pointer(env: DeadLetterEnvironment, arrived: str) -> str:
    info = {
        "shardId": "shardId-1",
        "startSequenceNumber": "1",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": arrived,
        "approximateArrivalOfLastRecord": arrived,
        "batchSize": 2,
        "streamArn": f"{env.stack.prices.arn}/stream/2020-01-01T00:00:00.000",
    }
    context = {"requestId": "x" * 36, "condition": "RetryAttemptsExhausted"}
    return json.dumps({"requestContext": context, "DDBStreamBatchInfo": info})


def test_looks_leave_everything_receivable_at_once_with_its_true_age(
    env: DeadLetterEnvironment, dlq: Dlq
) -> None:
    env.send_events([env.price(number) for number in range(12)])
    with selected_messages(env.queues, Selection(queues=[WEBHOOK])) as (letters, _):
        sent = min(letter.message.sent_ms for letter in letters)
    for _ in range(4):
        assert len(dlq("peek", "--queue", "webhook", "--output", "json").json["messages"]) == 10
        assert env.depths["webhook"] == (12, 0)
    received = env.queues[WEBHOOK].receive(visibility_s=30, wait_s=0)
    assert len(received) == 10, "receivable at once"
    env.queues[WEBHOOK].set_visibility(received, 0)
    report = count_causes(env.queues, Selection(queues=[WEBHOOK]))
    assert report.matching[WEBHOOK].oldest_ms == sent, "the age is that of the first sending"
    assert min(message.receives for message in received) >= 4


def test_list_groups_by_cause_and_says_how_long_a_pointer_can_be_read(
    env: DeadLetterEnvironment, dlq: Dlq
) -> None:
    env.send_events([env.price(number) for number in range(3)])
    env.send(ENRICHER, _pointer(env, "2020-01-01T00:00:00.000Z"), {})
    env.send(ENRICHER, _pointer(env, "2099-01-01T00:00:00.000Z"), {})
    env.send(ENRICHER, "scribble", {})
    causes = dlq("list", "--output", "json").json["causes"]
    assert (causes[0]["count"], causes[0]["cause"], causes[0]["symbols"]) == (3, "Teapot", ["BTC"])
    assert sorted(cause["shape"] for cause in causes[1:]) == ["pointer", "unknown"]
    pointers = next(cause for cause in causes if cause["shape"] == "pointer")
    assert (pointers["count"], pointers["readable_for_s"]) == (2, 0), "the first to go counts"
    text = dlq("list").out
    assert "3 waiting" in text and "no longer" in text and "scribble" not in text


def test_many_symbols_of_one_cause_are_one_row_with_its_history(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    env.send_events([env.price(number).replace("BTC", f"S{number % 5}") for number in range(11)])
    (cause,) = dlq("list", "--output", "json").json["causes"]
    assert (cause["count"], cause["symbols"]) == (11, ["S0", "S1", "S2", "S3", "S4"])
    assert cause["exchanges"] == ["kraken"]
    assert cause["newest_age_s"] <= cause["oldest_age_s"]
    assert (len(cause["over_time"]), sum(cause["over_time"])) == (12, 11)
    head, row = [line for line in dlq("list").out.splitlines() if "match" not in line]
    assert "since the oldest" in head
    assert row.split()[:2] == ["11", "webhook"]
    assert "S0, S1, S2, …" in row


def test_a_pointer_has_the_error_that_its_function_logged(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    pointers = [_pointer(env, "2099-01-01T00:00:00.000Z") for _ in range(2)]
    for pointer in pointers:
        env.send(ENRICHER, pointer, {})
    keys: list[str] = []

    def reasons(letters: Sequence[DeadLetter]) -> dict[str, str]:
        keys.extend(letter.message.key for letter in letters)
        return {letters[0].message.key: "KeyError: 'price'"}

    report = count_causes(env.queues, Selection(queues=[ENRICHER]), reasons)
    assert len(keys) == 2
    assert sorted(cause.cause for cause in report.groups) == ["KeyError", "RetryAttemptsExhausted"]


def test_peek_shows_the_log_lines_of_the_request(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    request = env.logged_request()
    attributes = {**FROM_LAMBDA, "RequestID": {"DataType": "String", "StringValue": request}}
    env.send(WEBHOOK, json.dumps({"body": "{}"}), attributes)
    (letter,) = dlq("peek", "--output", "json").json["messages"]
    assert any("refused" in json.dumps(line) for line in letter["log"])
    text = dlq("peek").out
    assert "refused" in text and "platform." in dlq("peek", "--verbose").out
    assert "platform." not in text, "the platform's own lines are shown with --verbose only"


def test_filters_reach_every_command(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    env.send_events([env.price(1), env.price(2), env.price(3, symbol="ETH")])
    assert len(dlq("peek", "--queue", "webhook", "--output", "json", "--symbol", "eth").json["messages"]) == 1
    where = "symbols[0] == 'BTC' && shape == 'event'"
    assert dlq("list", "--output", "json", "--where", where).json["queues"][0]["matching"] == 2


def test_a_wrong_filter_is_named(dlq: Dlq) -> None:
    result = dlq("list", "--where", "][")
    assert result.code == 2 and "not a JMESPath" in result.err
    assert "--older-than" in dlq("list", "--older-than", "yesterday").err


def _wire(messages: list[Message]) -> list[tuple[str, Any]]:
    return sorted((message.body, sorted(message.attributes.items())) for message in messages)


def _messages(env: DeadLetterEnvironment) -> list[Message]:
    with selected_messages(env.queues, Selection()) as (letters, _):
        return [letter.message for letter in letters]


def test_export_purge_and_import_keep_bodies_and_attributes_to_the_byte(
    env: DeadLetterEnvironment, dlq: Dlq
) -> None:
    odd = {
        "Count": {"DataType": "Number", "StringValue": "00012.50"},
        "Typed": {"DataType": "Number.int", "StringValue": "7"},
        "Bytes": {"DataType": "Binary", "BinaryValue": "AAEC/w=="},
        "Name": {"DataType": "String.own", "StringValue": "grüße \u202e"},
    }
    env.send(WEBHOOK, '{ "spaces" :  1.500,\r\n\t"ü": "€😀" }', odd)
    env.send(ENRICHER, "no JSON at all", {})
    env.send_events([env.price(number) for number in range(15)])
    before = _messages(env)
    assert dlq("export", "all.jsonl").code == 0
    assert Path("all.jsonl").stat().st_mode & 0o777 == 0o600
    assert dlq("export", "all.jsonl").code == 6, "a file is never written over"
    purged = dlq("purge", "--yes", "--export-to", "purged.jsonl")
    assert purged.code == 1 and "2 messages were kept: the format is unknown." in purged.err
    assert "purge --id ID" in purged.err and "same command again" not in purged.err
    assert env.depths == {"webhook": (1, 0), "enricher": (1, 0)}
    unknown = [message.id for message in _messages(env)]
    named = [part for message_id in unknown for part in ("--id", message_id)]
    assert dlq("purge", "--yes", "--no-export", *named).code == 0
    assert env.depths == {"webhook": (0, 0), "enricher": (0, 0)}
    assert dlq("import", "all.jsonl").out == "17 messages were put back.\n"
    after = _messages(env)
    assert _wire(after) == _wire(before)
    assert {message.id for message in after}.isdisjoint({message.id for message in before})
    assert len(Path("purged.jsonl").read_text(encoding="utf-8").splitlines()) == 15
    assert dlq("purge", "--yes", "--symbol", "none", "--export-to", "empty.jsonl").code == 0
    assert not Path("empty.jsonl").exists()


def test_a_replay_of_what_cannot_be_replayed_names_what_ends_it(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    env.send(WEBHOOK, "what is this?", {})
    (odd,) = _messages(env)
    result = dlq("replay")
    assert result.code == 1 and "purge --id ID" in result.err and "same command again" not in result.err
    env.send_events([env.price(1, price=-1)])
    both = dlq("replay")
    assert both.code == 1 and "purge --id ID" in both.err and "same command again" in both.err
    purged = dlq("purge", "--yes", "--id", odd.id)
    assert purged.code == 0 and "It is written to " in purged.err
    result = dlq("replay")
    assert result.code == 1 and "purge --id ID" not in result.err and "same command again" in result.err


def test_purge_asks_and_without_anybody_to_ask_it_refuses(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    env.send_events([env.price(1)])
    result = dlq("purge")
    assert result.code == 6 and "--yes" in result.err
    assert env.depths["webhook"] == (1, 0)


def test_a_broken_line_is_named_before_anything_is_sent(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    good = '{"queue": "webhook", "body": "x", "attributes": {}}'
    Path("bad.jsonl").write_text(f"{good}\nnothing\n", encoding="utf-8")
    result = dlq("import", "bad.jsonl")
    assert result.code == 2 and "line 2" in result.err
    assert env.depths["webhook"] == (0, 0)


ESCAPE = "\x1b]0;owned\x07\x1b[31m\u202e"


def test_no_escape_sequence_reaches_the_terminal(env: DeadLetterEnvironment, dlq: Dlq) -> None:
    event = {"body": json.dumps({"symbol": f"BTC{ESCAPE}", "price": 1, "exchange": f"x{ESCAPE}"})}
    # SQS itself takes no control characters but tab and line ends; JSON escapes carry them all the same.
    attributes = {
        **FROM_LAMBDA,
        "ErrorMessage": {"DataType": "String", "StringValue": "bad \u202e\u2066 \x9b31m thing"},
    }
    env.send(WEBHOOK, json.dumps(event), attributes)
    env.send(ENRICHER, json.dumps({"kind": "record", "reason": f"why{ESCAPE}", "record": {"a": ESCAPE}}), {})
    for arguments in (
        ("list",),
        ("peek",),
        ("replay", "--dry-run"),
        ("replay", "--max-failures", "1"),
        ("peek", "--output", "json"),
        ("list", "--output", "json"),
        ("replay", "--output", "json"),
        ("export", "file.jsonl"),
    ):
        result = dlq(*arguments)
        text = result.out + result.err
        if arguments[0] == "export":
            text += Path("file.jsonl").read_text(encoding="utf-8")
        assert text
        for character in ("\x1b", "\x07", "\u202e", "\u2066", "\x9b"):
            assert character not in text, arguments
