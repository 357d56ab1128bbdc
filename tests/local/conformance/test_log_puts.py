"""What of the events that are put into a log stream is refused."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from local.workbench import Workbench

PUT = "CloudWatch Logs API reference: PutLogEvents"


@pytest.fixture
def group(bench: Workbench) -> str:
    """A group with an empty stream, `one`."""
    client, name = bench.client("logs"), bench.name("group")
    client.create_log_group(logGroupName=name)
    bench.undo(client.delete_log_group, logGroupName=name)
    client.create_log_stream(logGroupName=name, logStreamName="one")
    return name


@pytest.mark.behaviour("logs", "events that are too old or too new are rejected, the others are taken", PUT)
def test_events_of_another_time(bench: Workbench, group: str) -> None:
    client, now_ms = bench.client("logs"), int(time.time() * 1000)

    def put(*ages_h: float) -> dict[str, int]:
        events = [{"timestamp": now_ms - int(age_h * 3_600_000), "message": f"{age_h} h"} for age_h in ages_h]
        where = {"logGroupName": group, "logStreamName": "one"}
        rejected: dict[str, int] = client.put_log_events(**where, logEvents=events).get(
            "rejectedLogEventsInfo", {}
        )
        return rejected

    assert put(1, 0, -1.9, -2.1, -3) == {"tooNewLogEventStartIndex": 3}
    assert put(14 * 24 + 2, 14 * 24 + 1, 14 * 24 - 1) == {"tooOldLogEventEndIndex": 2}
    assert put(2) == {}

    def taken() -> set[str]:
        page = client.get_log_events(logGroupName=group, logStreamName="one", startFromHead=True)
        return {event["message"] for event in page["events"]}

    expected = {"2 h", "1 h", "0 h", "-1.9 h", f"{14 * 24 - 1} h"}
    bench.eventually(lambda: taken() == expected, what="the events")


@pytest.mark.behaviour("logs", "too much in one put, and more than a day, is refused", PUT)
@pytest.mark.parametrize(
    ("ages_h", "size"), [((25, 0), 1), ((0, 0), 524_263), ((0, 1), 1)], ids=["span", "bytes", "order"]
)
def test_impossible_puts(bench: Workbench, group: str, ages_h: tuple[int, int], size: int) -> None:
    client, now_ms = bench.client("logs"), int(time.time() * 1000)
    events = [{"timestamp": now_ms - age_h * 3_600_000, "message": "x" * size} for age_h in ages_h]
    with pytest.raises(ClientError) as raised:
        client.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"
