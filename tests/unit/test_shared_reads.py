"""A list that several resources need in one look is asked for once, and anew in the next look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.parallel import SharedReads


class Counting(Aws):
    """Counts what is asked for; each list has the number of its request."""

    asked = 0

    def __init__(self) -> None:
        super().__init__(
            endpoint_url="http://127.0.0.1:1", credentials=AccessKey(access_key="a", secret_key="s")
        )

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Nothing is sent."""
        Counting.asked += 1
        yield Counting.asked, params


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(Counting, "asked", 0)
    return Counting()


def test_in_one_look_a_list_is_asked_for_once_and_anew_in_the_next(aws: Counting) -> None:
    first, second = aws.with_shared_lists(), aws.with_shared_lists()
    pages = [look.list_all("s", "List", "Items", Prefix="p") for look in (first, first, second, aws, aws)]
    assert [items[0][0] for items in pages] == [1, 1, 2, 3, 4]


def test_another_list_is_another_request(aws: Counting) -> None:
    look = aws.with_shared_lists()
    assert look.list_all("s", "List", "Items", Prefix="p") != look.list_all("s", "List", "Items", Prefix="q")


def test_who_asks_meanwhile_waits_for_the_one_answer() -> None:
    reads, began, go_on, collected = SharedReads(), threading.Event(), threading.Event(), list[str]()

    def slow() -> str:
        began.set()
        assert go_on.wait(10)
        return "the first's"

    def ask() -> None:
        collected.append(reads.get("it", slow))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    threads[0].start()
    assert began.wait(10)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert collected == ["the first's"] * 5


def test_a_failure_is_everybodys() -> None:
    reads = SharedReads()

    def fails() -> None:
        raise ValueError("refused")

    for _ in range(2):
        with pytest.raises(ValueError, match="refused"):
            reads.get("it", fails)
