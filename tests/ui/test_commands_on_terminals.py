"""`up`, `dlq replay` and `down` in a real terminal: each result on a line of its own, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dead_letters.environment import FROM_LAMBDA
from kit.screens import Shown, run
from live import Connect, Live
from ui.test_terminal import SIZES

LETTERS = 6  # more than the lowest terminal has rows


@pytest.fixture
def live(connect: Connect) -> Iterator[Live]:
    """An environment with nothing in it yet."""
    live = connect(f"u{uuid.uuid4().hex[:8]}")
    yield live
    live.down()


def typed(live: Live, *words: str, columns: int, rows: int) -> Shown:
    """A command in a terminal of that size, in an empty directory."""
    arguments = ["-m", "cryptoctl", *words, "--local", "--env", live.session.environment]
    return run(arguments, columns=columns, rows=rows)


def a_day(live: Live, columns: int, rows: int) -> None:
    """From nothing to nothing, each result seen once."""
    names = sorted(str(resource).replace(" ", "") for resource in live.resources)
    screen = typed(live, "up", columns=columns, rows=rows)
    assert resources_done(screen, "created") == names, screen.text
    assert is_free_of_leftovers(screen)
    queue = live.aws.call("sqs", "GetQueueUrl", QueueName=live.stack.webhook_dead_letters.name)["QueueUrl"]
    for number in range(LETTERS):
        price = {
            "symbol": "BTC",
            "price": number + 1,
            "exchange": "here",
            "timestamp": 1_700_000_000 + number,
        }
        body = json.dumps({"body": json.dumps(price)})
        live.aws.call("sqs", "SendMessage", QueueUrl=queue, MessageBody=body, MessageAttributes=FROM_LAMBDA)
    screen = typed(live, "dlq", "replay", columns=columns, rows=rows)
    assert screen.code == 0, screen.text
    assert sum(line.split()[:2] == ["✓", "webhook"] for line in screen.lines) == LETTERS, screen.text
    assert is_free_of_leftovers(screen)
    screen = typed(live, "down", "--yes", columns=columns, rows=rows)
    assert resources_done(screen, "deleted") == names, screen.text
    assert is_free_of_leftovers(screen)


def resources_done(screen: Shown, verb: str) -> list[str]:
    """The resources of which a line says that they ended so, without spaces."""
    assert screen.code == 0, screen.text
    # The terminal wraps lines that are wider than it is, and may do it at a space.
    lines = re.sub(r"\s*\n(?!✓)", "", screen.text).replace(" ", "").splitlines()
    return sorted(match[1] for line in lines if (match := re.match(rf"✓(\S+?){verb}in\d", line)))


def is_free_of_leftovers(screen: Shown) -> bool:
    """Nothing that was drawn meanwhile is left."""
    return not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏━╸╺]", screen.text)


@pytest.mark.parametrize(("columns", "rows"), [(40, 5)])
def test_a_day_in_a_terminal(live: Live, columns: int, rows: int, elsewhere: Path) -> None:
    a_day(live, columns, rows)


@pytest.mark.torture
@pytest.mark.parametrize("number", range(25))
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_hundred_days_in_terminals(
    live: Live, columns: int, rows: int, number: int, elsewhere: Path
) -> None:
    a_day(live, columns, rows)
