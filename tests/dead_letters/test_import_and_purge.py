"""What a file brings back is known message by message; what a purge deletes is in a file first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.dead_letters import files
from cryptoctl.ops.dead_letters.file_format import line_of
from cryptoctl.ops.dead_letters.files import ImportResult
from cryptoctl.ops.dead_letters.journal import Journal
from cryptoctl.ops.dead_letters.messages import Message
from cryptoctl.ops.dead_letters.receiving import selected_messages
from cryptoctl.ops.dead_letters.selection import Selection
from dead_letters.command_line import CommandResult, run
from dead_letters.environment import ENRICHER, FROM_LAMBDA, WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

Call = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 40 messages, every second one for the other queue."""
    queues = (WEBHOOK, ENRICHER)
    lines = [
        line_of(
            Message(
                queue=queues[n % 2], id=str(n), body=f"{n}", attributes=FROM_LAMBDA, sent_ms=0, receives=1
            )
        )
        for n in range(40)
    ]
    path = tmp_path / "letters.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _put_back(
    env: DeadLetterEnvironment, path: Path, selection: Selection | None = None, **more: bool
) -> ImportResult:
    with Journal(env.journal) as journal:
        done = ImportResult()
        files.put_back(env.queues, path, selection or Selection(), journal, done, **more)
        return done


def _bodies(env: DeadLetterEnvironment) -> list[int]:
    with selected_messages(env.queues, Selection()) as (letters, _):
        return sorted(int(letter.message.body[:20]) for letter in letters)


@contextmanager
def _sending(
    env: DeadLetterEnvironment, monkeypatch: pytest.MonkeyPatch, change: Callable[[Call, dict[str, Any]], Any]
) -> Iterator[None]:
    """SQS as it is, but for what `change` makes of each batch that is sent."""
    real = env.aws.call

    def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "SendMessageBatch":
            return change(lambda **given: real(service, operation, **given), params)
        return real(service, operation, **params)

    with monkeypatch.context() as patch:
        patch.setattr(env.aws, "call", call)
        yield


@pytest.mark.parametrize("narrow", [Selection(queues=(WEBHOOK,)), Selection(where="body < `30`")], ids=str)
def test_interrupted_with_a_filter_and_run_again_without_it_nothing_is_missing_or_doubled(
    env: DeadLetterEnvironment, path: Path, narrow: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = 0

    def interrupted(send: Call, params: dict[str, Any]) -> Any:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise KeyboardInterrupt
        return send(**params)

    with _sending(env, monkeypatch, interrupted), pytest.raises(KeyboardInterrupt):
        _put_back(env, path, narrow)
    before = len(_bodies(env))
    done = _put_back(env, path)
    assert 0 < before < 40 and (done.sent, done.imported_before) == (40 - before, before)
    assert _bodies(env) == list(range(40))


def test_what_sqs_refuses_is_named_and_all_else_is_sent_once(
    env: DeadLetterEnvironment, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(send: Call, params: dict[str, Any]) -> Any:
        entries = params["Entries"]
        accepted = [entry for entry in entries if entry["MessageBody"] not in ("7", "12")]
        failed = [{"Id": entry["Id"]} for entry in entries if entry not in accepted]
        answer = send(**{**params, "Entries": accepted}) if accepted else {}
        return {**answer, "Failed": failed}

    with _sending(env, monkeypatch, refused):
        done = _put_back(env, path)
    assert (done.sent, done.refused) == (38, [8, 13])
    lines = [line for n, line in enumerate(path.read_text(encoding="utf-8").splitlines()) if n != 7]
    path.write_text("\n".join(lines), encoding="utf-8")  # as the hint says: another file, so to speak
    done = _put_back(env, path)
    assert (done.sent, done.imported_before, done.refused) == (1, 38, [])
    assert _bodies(env) == [n for n in range(40) if n != 7]


def test_a_line_that_sqs_would_refuse_is_named_with_its_reason_and_keeps_no_other_from_being_sent(
    env: DeadLetterEnvironment, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    texts = path.read_text(encoding="utf-8").splitlines()
    texts[2] = texts[2].replace("Teapot", "Tea\\u001b[1mpot")
    texts[5] = texts[5].replace('"body": "5"', '"body": "\\uffff"')
    path.write_text("\n".join(texts), encoding="utf-8")

    def imported(*words: str) -> CommandResult:
        return run("dlq", "import", path.name, *words, environment=env.name)

    result = imported("--queue", "enricher", "--output", "json")
    assert (result.code, result.json["imported"], result.json["refused"]) == (1, 19, [6]), (
        "line 3 is not meant"
    )
    result = imported()
    assert (result.code, result.out) == (1, "19 messages were put back.\n")
    assert "2 messages of letters.jsonl: line 3 (attribute 'ErrorMessage' has a character" in result.err
    assert "6 (`body` has a character that SQS does not take: '\\uffff')" in result.err
    assert _bodies(env) == [n for n in range(40) if n not in (2, 5)]


def test_of_a_batch_that_takes_several_calls_each_is_noted_by_itself(
    env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies of 100 KB: two in a call. The second call does not arrive."""
    path = tmp_path / "letters.jsonl"
    lines = [f'{{"queue": "webhook", "id": "{n}", "body": "{str(n) * 100_000}"}}' for n in range(1, 7)]
    path.write_text("\n".join(lines), encoding="utf-8")
    calls = 0

    def lost(send: Call, params: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Failure(ExitCode.UNREACHABLE, "no answer")
        return send(**params)

    with _sending(env, monkeypatch, lost), pytest.raises(Failure):
        _put_back(env, path)
    before = len(_bodies(env))
    done = _put_back(env, path)
    assert 0 < before < 6 and (done.sent, done.imported_before) == (6 - before, before)
    with selected_messages(env.queues, Selection()) as (letters, _):
        assert sorted(letter.message.body[0] for letter in letters) == list("123456")


def test_an_import_that_is_over_is_not_repeated_unless_asked_for(
    env: DeadLetterEnvironment, path: Path
) -> None:
    assert _put_back(env, path).sent == 40
    assert _put_back(env, path) == ImportResult(imported_before=40)
    assert _put_back(env, path, Selection(queues=(WEBHOOK,)), forget_imported=True).sent == 20


def test_the_command_says_what_was_put_back_before(
    env: DeadLetterEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def dlq(*words: str) -> CommandResult:
        return run("dlq", *words, environment=env.name)

    env.send_events([env.price(number) for number in range(3)])
    assert dlq("purge", "--yes", "--export-to", "purged.jsonl").code == 0
    assert dlq("import", "purged.jsonl", "--symbol", "none").out == "0 messages were put back.\n"
    assert dlq("import", "purged.jsonl").out == "3 messages were put back.\n"
    result = dlq("import", "purged.jsonl")
    assert result.code == 0 and "3 had been put back before: --again" in result.err
    assert dlq("import", "purged.jsonl", "--output", "json").json["before"] == 3
    assert env.depths["webhook"] == (3, 0)
    Path("twice.jsonl").write_text(Path("purged.jsonl").read_text() * 2)
    result = dlq("import", "twice.jsonl", "--again")
    assert result.out == "3 messages were put back.\n"
    assert result.err == "3 stand in the file more than once, and were put back once.\n"


def test_a_purge_that_is_refused_keeps_no_file_and_deletes_nothing(
    env: DeadLetterEnvironment, tmp_path: Path
) -> None:
    env.send_events([env.price(1)])
    target = tmp_path / "purged.jsonl"
    existed: list[bool] = []

    def refuse(count: int) -> bool:
        existed.append(target.exists())
        return False

    purged = files.PurgeResult()
    files.purge(env.queues, Selection(), purged, export=target, confirm=refuse)
    assert existed == [True] and (purged.found, purged.deleted, purged.export) == (1, 0, None)
    assert not target.exists()

    def interrupt(count: int) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.purge(env.queues, Selection(), files.PurgeResult(), export=target, confirm=interrupt)
    assert not target.exists()
    assert env.depths["webhook"] == (1, 0)


def test_an_export_to_an_impossible_place_receives_nothing(
    env: DeadLetterEnvironment, tmp_path: Path
) -> None:
    env.send_events([env.price(1)])
    result = run("dlq", "export", str(tmp_path / "no" / "file.jsonl"), environment=env.name)
    assert result.code == 1 and "cannot be written" in result.err
    assert list(tmp_path.iterdir()) == []
    assert env.depths["webhook"] == (1, 0)
