"""GetLogEvents leads through a stream page by page, both ways, and reads no more than a page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.local.database import Database
from cryptoctl.local.http import ServiceError
from cryptoctl.local.logs.api import LogsApi
from cryptoctl.local.logs.store import LogStore

STREAM = {"logGroupName": "g", "logStreamName": "s"}


class Logs:
    """A group with two streams; what is asked of the API is asked of one."""

    def __init__(self, file: Path) -> None:
        self.database = Database(file)
        self.store = LogStore(self.database)
        self.store.add_group("r", "g")
        self.store.add_stream("r", "g", "other")
        self.store.append("r", "g", "other", [(1, "another stream's")])
        nothing: Any = None
        self.api = LogsApi(nothing, self.store, nothing)

    def fill(self, times: list[int]) -> list[str]:
        """Empties the stream and writes an event at each time; the messages in the order of time."""
        self.store.remove_stream("r", "g", "s")
        self.store.add_stream("r", "g", "s")
        lines = [(at, f"{at} {number}") for number, at in enumerate(times)]
        self.store.append("r", "g", "s", lines)
        return [message for _, message in sorted(lines, key=lambda line: line[0])]

    def page(self, **params: Any) -> dict[str, Any]:
        return self.api.get_events("r", {**STREAM, **params})

    def pages(self, way: str, **params: Any) -> Iterator[list[str]]:
        """From a page on, until a token comes again."""
        page = self.page(**params)
        while True:
            yield [event["message"] for event in page["events"]]
            token = page[way]
            page = self.page(**{**params, "nextToken": token})
            if page[way] == token:
                assert page["events"] == []
                return


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    logs = Logs(tmp_path_factory.mktemp("logs") / "store")
    yield logs
    logs.database.close()


@given(times=st.lists(st.integers(0, 9)), limit=st.integers(1, 4))
def test_both_ways_lead_through_all_events_once(logs: Logs, times: list[int], limit: int) -> None:
    written = logs.fill(times)
    forward = list(logs.pages("nextForwardToken", startFromHead=True, limit=limit))
    assert [message for page in forward for message in page] == written
    backward = list(logs.pages("nextBackwardToken", limit=limit))
    assert [message for page in reversed(backward) for message in page] == written
    assert all(len(page) <= limit for page in [*forward, *backward])


@given(st.lists(st.integers(0, 9), min_size=1))
def test_after_the_last_page_the_other_way_leads_back(logs: Logs, times: list[int]) -> None:
    written = logs.fill(times)
    for way, back in (("nextForwardToken", "nextBackwardToken"), ("nextBackwardToken", "nextForwardToken")):
        end = logs.page(nextToken=logs.page()[way])
        assert end["events"] == []
        page = logs.page(nextToken=end[back])
        assert [event["message"] for event in page["events"]] == written


def test_the_forward_token_of_the_end_gives_what_comes_later(logs: Logs) -> None:
    for times in ([], [5, 5]):
        logs.fill(times)
        token = logs.page(startFromHead=True)["nextForwardToken"]
        logs.store.append("r", "g", "s", [(5, "later")])
        assert [event["message"] for event in logs.page(nextToken=token)["events"]] == ["later"]


@pytest.mark.parametrize("token", ["x", "f/", "f/1", "q/1/1", "f/a/b", "f/1/1/1", f"f/{10**30}/1", "٣/٣"])
def test_what_is_no_token_is_refused(logs: Logs, token: str) -> None:
    logs.fill([1])
    with pytest.raises(ServiceError, match="nextToken is invalid"):
        logs.page(nextToken=token)
    with pytest.raises(ServiceError, match="nextToken is invalid"):
        logs.api.filter_events("r", {"logGroupName": "g", "nextToken": token})


def test_a_page_takes_no_longer_in_a_long_stream(logs: Logs) -> None:
    """How SQLite finds the events: by the index alone, in its order, without sorting."""
    logs.fill([1])
    plans: list[str] = []
    limits: list[object] = []
    execute = logs.database.execute

    def explained(sql: str, *values: object) -> sqlite3.Cursor:
        if "log_event e" in sql:
            limits.append(values[-1])
            plans.append(" ".join(row[3] for row in execute(f"EXPLAIN QUERY PLAN {sql}", *values)))
        return execute(sql, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.database, "execute", explained)
        token = logs.page(limit=2)["nextForwardToken"]
        logs.page(nextToken=token, limit=2)
    assert limits == [2, 2]
    for plan in plans:
        assert "USING INDEX log_event_order (stream_id=? AND at" in plan
        assert "TEMP B-TREE" not in plan
