"""Ten thousand messages: memory stays flat, a bar runs, nothing is left."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from cryptoctl.provisioners.stream_mapping import StreamMapping
from dead_letters.environment import WEBHOOK, DeadLetterEnvironment

pytestmark = pytest.mark.engine

MIB = 2**20
# ru_maxrss would begin with what this process holds, of which the child was a copy before it became another.
CHILD = """
import atexit, os, sys
from cryptoctl.cli import main
from cryptoctl.local.processes import peak_bytes
atexit.register(lambda: sys.stdout.write(f"peak {peak_bytes(os.getpid()) or 0}\\n"))
main()
"""


def _replay(env: DeadLetterEnvironment, *arguments: str) -> tuple[str, int]:
    """What a replay wrote, on a terminal, and its peak memory in bytes (Linux; else 0)."""
    command = [sys.executable, "-c", CHILD, "dlq", "replay", "--local", "--env", env.name, *arguments]
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env={**os.environ, "TERM": "xterm"}
    )
    os.close(inner)
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
        if not read:
            break
        shown += read
    os.close(terminal)
    text = shown.decode(errors="replace")
    assert process.wait() == 0, text[-2000:]
    peak = re.search(r"peak (\d+)", text)
    assert peak, text[-2000:]
    return text, int(peak[1])


def _fill(env: DeadLetterEnvironment, count: int, series: int) -> None:
    texts = [env.price(series * 100_000 + number, symbol=f"S{number % 50}") for number in range(count)]
    env.send_events(texts)
    assert env.waiting(WEBHOOK) == count


def _mapping(env: DeadLetterEnvironment, *, enabled: bool) -> None:
    mapping: StreamMapping = env.stack.prices_to_enricher
    observed = mapping.find(env.aws)
    assert observed is not None
    env.aws.call("lambda", "UpdateEventSourceMapping", UUID=observed["UUID"], Enabled=enabled)


def test_a_bar_runs_on_a_terminal_and_each_end_is_said(env: DeadLetterEnvironment) -> None:
    _fill(env, 40, 0)
    text, _ = _replay(env)
    # The bar is gone with the last message; how far it was drawn before depends on the time.
    assert re.search(r"replaying .*[1-9]\d*/40", text)
    assert "40 of 40 replayed" in text
    assert text.count("price stored") == 40


@pytest.mark.torture
def test_ten_thousand_messages_need_no_more_memory_than_a_few(env: DeadLetterEnvironment) -> None:
    _mapping(env, enabled=False)
    try:
        _fill(env, 500, 0)
        _, few = _replay(env, "--output", "json")
        _fill(env, 10_000, 1)
        text, many = _replay(env, "--output", "json")
    finally:
        _mapping(env, enabled=True)
    assert json.loads(text[text.index("{") : text.rindex("}") + 1])["summary"]["replayed"] == 10_000
    assert 0 < many < few + 10 * MIB, f"{few} bytes for 500, {many} bytes for 10,000"
    assert env.waiting(WEBHOOK) == 0
