"""What is under way as an engine is stopped, and what goes on when it runs again."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cryptoctl.local.data_directory import DataDirectory
from cryptoctl.local.engine import Engine
from local.conftest import QUICK
from local.starting import restart, start
from local.workbench import Workbench, reporting

pytestmark = pytest.mark.process
WAIT = """
    import boto3, urllib.error, urllib.request

    def wait():
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.01)

    def ask():
        # Any answer will do: an engine that ends refuses the connection, and the function fails.
        try:
            urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"])
        except urllib.error.HTTPError:
            return
"""
ASK_LATE = reporting(
    WAIT
    + """
    def handler(event, context):
        say(began=numbers(event))
        wait()
        ask()
        say(batch=numbers(event))
"""
)
INVOKED_LATE = reporting(
    WAIT
    + """
    def handler(event, context):
        say(began=event)
        wait()
        ask()
        say(answered=event)
        return event
"""
)
PUBLISH_LATE = reporting(
    WAIT
    + """
    def handler(event, context):
        say(began=event)
        wait()
        boto3.client("sns").publish(TopicArn=event, Message="last")
"""
)


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """An engine that was stopped with work under way and runs again, and that work."""

    engine: Engine
    bench: Workbench
    table: str
    batches: str
    """a function that was given a batch of the table's stream"""
    invoked: str
    """a function that was invoked, both ways"""
    answer: Future[object]
    """what who invoked it was answered"""
    quick: str
    refusal: str
    """how an invocation of that function was refused meanwhile; one event was accepted"""
    subscriber: str
    """a function of a topic to which another function published meanwhile"""
    reader: str
    """a function that is given what is logged"""
    code: Path
    """where the code of `quick` was unpacked"""
    code_inode: int
    left: tuple[Path, ...]
    """what lay beside it: the code of a function that was deleted, and one that is not whole"""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    engine = Engine(tmp_path_factory.mktemp("engine that is stopped"))
    bench, go = start(engine), tmp_path_factory.mktemp("go") / "on"
    functions, late = bench.client("lambda"), {"Environment": {"Variables": {"GO": str(go)}}}
    codes = DataDirectory(engine.status().home).code
    quick = bench.function(reporting("def handler(event, context): say(of=event)"))
    bench.invoke(quick, 0)
    (code,) = codes.iterdir()
    code_inode = code.stat().st_ino
    gone = bench.function("def handler(event, context): return 'soon gone'")
    bench.invoke(gone, 0)
    (deleted,) = {*codes.iterdir()} - {code}
    functions.delete_function(FunctionName=gone)
    left = (deleted, codes / "half.new")
    left[1].mkdir()
    batches, (table, stream) = bench.function(ASK_LATE, **late), bench.table()
    bench.mapping(batches, stream)
    invoked = bench.function(INVOKED_LATE, MemorySize=128, **late)
    publisher = bench.function(PUBLISH_LATE, MemorySize=128, **late)
    subscriber = bench.function(reporting("def handler(event, context): say(told=len(event['Records']))"))
    topic, reader = bench.topic(), _reader(bench)
    bench.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(subscriber))

    def refusal() -> str | None:
        try:
            bench.invoke(quick, 0)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    with ThreadPoolExecutor() as pool:
        bench.put(table, 1)
        bench.invoke_async(invoked, "later")
        bench.invoke_async(publisher, topic)
        answer: Future[object] = pool.submit(bench.invoke, invoked, "now")
        bench.eventually(
            lambda: [len(bench.reports(function)) for function in (batches, invoked, publisher)] == [1, 2, 1],
            what="all beginnings",
        )
        assert all(path.exists() for path in left)
        last_words = [{"timestamp": int(time.time() * 1000), "message": "good bye"}]
        bench.client("logs").put_log_events(logGroupName="read", logStreamName="one", logEvents=last_words)
        stopping = pool.submit(engine.stop)
        refused = bench.eventually(refusal, what="a refusal")
        bench.invoke_async(quick, 1)
        go.touch()
        assert stopping.result() is True
    assert restart(engine).notes == ()
    yield Stopped(
        engine=engine,
        bench=bench,
        table=table,
        batches=batches,
        invoked=invoked,
        answer=answer,
        quick=quick,
        refusal=refused,
        subscriber=subscriber,
        reader=reader,
        code=code,
        code_inode=code_inode,
        left=left,
    )
    engine.stop()


def _reader(bench: Workbench) -> str:
    """A function that is given what is logged in the group `read`."""
    reader, logs = bench.function("def handler(event, context): print('@say true')"), bench.client("logs")
    bench.client("lambda").add_permission(
        FunctionName=reader,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )
    logs.create_log_group(logGroupName="read")
    logs.create_log_stream(logGroupName="read", logStreamName="one")
    logs.put_subscription_filter(
        logGroupName="read", filterName="all", filterPattern="", destinationArn=bench.arn(reader)
    )
    return reader


def test_a_batch_under_way_at_a_stop_still_reaches_the_engine_and_the_mapping_goes_on(
    stopped: Stopped,
) -> None:
    bench, function = stopped.bench, stopped.batches
    assert bench.reports(function) == [{"began": [1]}, {"batch": [1]}]
    assert not [event for event in bench.log(function) if "URLError" in event["message"]]
    bench.put(stopped.table, 2)
    bench.eventually(lambda: {"batch": [2]} in bench.reports(function), what="the second")
    assert [report["batch"] for report in bench.reports(function) if "batch" in report] == [[1], [2]]


def test_an_invocation_under_way_at_a_stop_still_reaches_the_engine(stopped: Stopped) -> None:
    bench, function = stopped.bench, stopped.invoked
    assert stopped.answer.result() == ("now", None)
    deliveries = sorted(map(str, bench.reports(function)))
    assert deliveries == [str({what: time}) for what in ("answered", "began") for time in ("later", "now")]
    assert not [event for event in bench.log(function) if "URLError" in event["message"]]


def test_what_is_invoked_while_the_engine_ends_is_refused_or_kept(stopped: Stopped) -> None:
    """Begun then, it would be cut off: it would be an error, and a dead letter in the end."""
    assert stopped.refusal == "TooManyRequestsException"
    bench = stopped.bench
    bench.eventually(lambda: {"of": 1} in bench.reports(stopped.quick), what="what was accepted")


def test_what_a_topic_is_sent_while_the_engine_ends_reaches_its_function(stopped: Stopped) -> None:
    bench = stopped.bench
    bench.eventually(lambda: bench.reports(stopped.subscriber) == [{"told": 1}], what="the message")


def test_what_was_logged_just_before_a_stop_reaches_its_reader(stopped: Stopped) -> None:
    bench = stopped.bench
    bench.eventually(lambda: bench.reports(stopped.reader), what="what was logged just before the stop")


def test_only_the_code_that_functions_have_stays_unpacked(stopped: Stopped) -> None:
    assert not [path for path in stopped.left if path.exists()]
    for _ in range(2):
        assert stopped.code.stat().st_ino == stopped.code_inode
        stopped.bench.invoke(stopped.quick, 0)


def test_of_what_a_topic_cannot_keep_for_a_function_no_queue_has_a_copy(stopped: Stopped) -> None:
    bench = stopped.bench
    function = bench.function("def handler(event, context): pass")
    (url, arn), topic, sns = bench.queue(), bench.topic(), bench.client("sns")
    bench.let_topic_send(topic, url, arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=bench.arn(function))
    store = sqlite3.connect(stopped.engine.status().home / "store.sqlite3")
    store.execute("CREATE TRIGGER t BEFORE INSERT ON async_event BEGIN SELECT RAISE(FAIL, 'full'); END")
    try:
        with pytest.raises(Exception, match="full"):
            sns.publish(TopicArn=topic, Message="hello")
    finally:
        store.execute("DROP TRIGGER t")
        store.close()
    sns.publish(TopicArn=topic, Message="again")
    assert [json.loads(message["Body"])["Message"] for message in bench.messages(url)] == ["again"]


def test_an_engine_of_another_cryptoctl_is_left_running_and_named(stopped: Stopped) -> None:
    engine = stopped.engine
    assert engine.start(options=QUICK).notes == ()
    record = engine.status().home / "engine.json"
    own = record.read_text()
    record.write_text(json.dumps({**json.loads(own), "code": "earlier", "later": 1}))
    status, with_problems = engine.start(options=QUICK), engine.status(with_problems=True)
    record.write_text(own)
    assert status.running
    [note] = status.notes
    assert "started by another version of cryptoctl" in note
    assert "`cryptoctl local stop`, then `cryptoctl local start`" in note
    assert note in with_problems.notes


def test_what_was_saved_is_whole(stopped: Stopped) -> None:
    for _ in range(3):
        stopped.bench.queue()
    for file in Path(stopped.engine.status().home / "state").glob("*.json"):
        json.loads(file.read_text())
