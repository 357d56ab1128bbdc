"""The pictures of the README: real commands on an embedded engine of their own, exported as SVG.

Run it with `make pictures`. What stands below a prompt is what the command printed, wrapped as in a terminal.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import random
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pyte
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent
TRADES = HERE.parents[1] / "examples" / "eth_usdt_trades.csv"
COMMAND = Path(sys.executable).with_name("cryptoctl")
WIDTH = 112
HEIGHT = 26
WAIT_S = 60.0
ALARMS_WITHIN_S = 240.0
DARK = TerminalTheme(
    (24, 26, 31),
    (214, 218, 224),
    [
        (36, 39, 46),
        (224, 108, 117),
        (126, 192, 110),
        (222, 178, 96),
        (97, 162, 232),
        (190, 132, 219),
        (86, 182, 194),
        (198, 203, 210),
    ],
    [
        (110, 118, 130),
        (240, 128, 136),
        (150, 214, 134),
        (240, 200, 120),
        (124, 184, 248),
        (208, 156, 236),
        (110, 204, 214),
        (240, 243, 247),
    ],
)
# Rich's own frame fetches a font; GitHub shows no picture that fetches anything.
FRAME = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


class Terminal:
    """A person's terminal: it runs commands, and keeps what was typed and printed until it is drawn."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._shown: list[Text] = []

    def run(self, line: str, *, show: bool = True) -> str:
        """Runs a command line; gives what it printed. Raises CalledProcessError if one not shown fails."""
        ended = subprocess.run(
            [COMMAND, *shlex.split(line)[1:]],
            cwd=self._home,
            env=self._environment(show),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if show else None,
            text=True,
            check=not show,
        )
        if show:
            printed = [Text.from_ansi(each.rstrip()) for each in ended.stdout.rstrip().splitlines()]
            self._shown += [Text.assemble(("$ ", "bright_black"), (line, "bold")), *printed, Text()]
        return ended.stdout

    def watch(self, line: str) -> None:
        """Runs a live screen until it is complete, and keeps what it shows, as a terminal shows it."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        process = subprocess.Popen(
            [COMMAND, *shlex.split(line)[1:]],
            cwd=self._home,
            env=self._environment(colours=False),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        screen = pyte.Screen(WIDTH, HEIGHT)
        stream = pyte.ByteStream(screen)
        deadline_s = time.monotonic() + WAIT_S
        while "[q] quit" not in "".join(screen.display) and time.monotonic() < deadline_s:
            stream.feed(os.read(ours, 65536))
        os.write(ours, b"q")
        lines = [_line(screen, row) for row in range(HEIGHT)]
        while lines and not lines[-1].plain.strip():
            lines.pop()
        process.wait(WAIT_S)
        os.close(ours)
        os.close(theirs)
        self._shown += [Text.assemble(("$ ", "bright_black"), (line, "bold")), *lines, Text()]

    def draw(self, name: str) -> None:
        """Writes what was shown since the last picture."""
        lines: list[Text] = []
        for line in self._shown[:-1]:
            line.rstrip()
            lines += line.divide(range(WIDTH, len(line), WIDTH))
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
        console.print(*lines, sep="\n", no_wrap=True, highlight=False)
        svg = console.export_svg(title="", theme=DARK, code_format=FRAME, unique_id=name)
        (HERE / f"{name}.svg").write_text(
            "\n".join(each.rstrip() for each in svg.splitlines()) + "\n", encoding="utf-8"
        )
        self._shown = []

    def _environment(self, colours: bool) -> dict[str, str]:
        # A terminal with colours that cannot move its cursor: nothing is drawn over.
        looks = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLORTERM": "truecolor"} if colours else {}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "CRYPTOCTL_STATE_DIR": str(self._home / "state"),
            "TERM": "xterm-256color",
            "COLUMNS": str(WIDTH),
            **looks,
        }


def _line(screen: pyte.Screen, row: int) -> Text:
    """A row of the screen with its colours."""
    text = Text()
    for column in range(WIDTH):
        cell = screen.buffer[row][column]
        colour, below = ({"brown": "yellow"}.get(each, each) for each in (cell.fg, cell.bg))
        text.append(cell.data, style=f"{'bold ' if cell.bold else ''}{colour} on {below}")
    return text


def main() -> None:
    """One story, told in pictures: a pipeline comes up, prices go through, it breaks, it is repaired."""
    with tempfile.TemporaryDirectory() as directory, _terminal(Path(directory)) as terminal:
        terminal.run("cryptoctl up")
        terminal.draw("up")
        terminal.run("cryptoctl send-price --file trades.csv --symbol ETH --exchange binance")
        terminal.run("cryptoctl prices ETH --last 8 --wait")
        terminal.draw("prices")
        terminal.run("cryptoctl chart ETH")
        terminal.draw("chart")
        engine = json.loads(terminal.run("cryptoctl local status --output json", show=False))["engine"]
        _break(engine)
        for price in ("50000", "50012.5", "49990"):
            terminal.run(f"cryptoctl send-price BTC {price} coinbase --async", show=False)
        _await_alarms(engine)
        terminal.run("cryptoctl status")
        terminal.run("cryptoctl dlq list")
        terminal.draw("trouble")
        terminal.watch("cryptoctl status --watch")
        terminal.draw("watch")
        terminal.run("cryptoctl up")
        terminal.run("cryptoctl dlq replay")
        terminal.draw("repaired")
    with tempfile.TemporaryDirectory() as directory, _terminal(Path(directory)) as terminal:
        _draw_dashboard(terminal, Path(directory))


@contextmanager
def _terminal(home: Path) -> Iterator[Terminal]:
    (home / "trades.csv").write_bytes(TRADES.read_bytes())
    (home / "cryptoctl.toml").write_text(
        f"[engine]\nport = {_free_port()}\nasync_retry_delays_s = [0.1, 0.1]\n[env.dev]\ntarget = 'local'\n",
        encoding="utf-8",
    )
    terminal = Terminal(home)
    try:
        terminal.run("cryptoctl local start", show=False)
        yield terminal
    finally:
        terminal.run("cryptoctl local stop", show=False)


def _draw_dashboard(terminal: Terminal, home: Path) -> None:
    """The dashboard as Chromium shows it, two hours after prices have begun to come; they are made up."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("dashboard.png is not drawn: there is no Chromium on this machine")
    _write_walks(home / "walks.csv")
    terminal.run("cryptoctl up", show=False)
    terminal.run("cryptoctl send-price --file walks.csv --time-unit ms", show=False)
    terminal.run("cryptoctl prices BTC --last 700 --wait --output csv", show=False)
    engine = json.loads(terminal.run("cryptoctl local status --output json", show=False))["engine"]
    _break(engine)
    for price in ("50000", "50012.5", "49990"):
        terminal.run(f"cryptoctl send-price BTC {price} coinbase --async", show=False)
    _await_alarms(engine)
    terminal.run("cryptoctl dashboard --save page.html", show=False)
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--blink-settings=preferredColorScheme=0", "--window-size=1400,1080"),
            *(f"--user-data-dir={home / 'profile'}", "--virtual-time-budget=3000"),
            *(f"--screenshot={HERE / 'dashboard.png'}", (home / "page.html").as_uri()),
        ],
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _write_walks(file: Path) -> None:
    """Two walks from two hours ago until now, the same each time but for their hour."""
    now_ms, dice = int(time.time() * 1000), random.Random(11)
    lines = ["timestamp,symbol,price,volume,exchange"]
    for symbol, price, pause_ms in (("ETH", 1667.2, 60_000), ("BTC", 50_000.0, 10_000)):
        for time_ms in range(now_ms - 7_200_000, now_ms - 2_000, pause_ms):
            price *= 1 + dice.gauss(0, 0.0006)
            lines.append(f"{time_ms},{symbol},{price:.2f},{abs(dice.gauss(0, 1)):.4f},coinbase")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _break(engine: dict[str, Any]) -> None:
    """Somebody changes a function by hand, so that the next prices are dead-lettered."""
    functions = _client("lambda", engine)
    name = "webhook-processor-dev"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "DYNAMODB_TABLE": "crypto-prices-oops"}}
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)


def _await_alarms(engine: dict[str, Any]) -> None:
    """Three dead letters, and the alarms that they raise within the next minutes."""
    queues, alarms = _client("sqs", engine), _client("cloudwatch", engine)
    url = queues.get_queue_url(QueueName="webhook-processor-dlq-dev")["QueueUrl"]

    def missing() -> str:
        found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        waiting = int(found["Attributes"]["ApproximateNumberOfMessages"])
        raised = {each["AlarmName"] for each in alarms.describe_alarms(StateValue="ALARM")["MetricAlarms"]}
        quiet = {f"cryptoctl-dev-webhook-processor-{each}" for each in ("dlq", "errors")} - raised
        return "" if waiting >= 3 and not quiet else f"{waiting} dead letters; not raised: {sorted(quiet)}"

    deadline_s = time.monotonic() + ALARMS_WITHIN_S
    while what := missing():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"after {ALARMS_WITHIN_S:.0f} s: {what}")
        time.sleep(0.5)


def _client(service: str, engine: dict[str, Any]) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=engine["url"],
        aws_access_key_id=engine["access_key"],
        aws_secret_access_key=engine["secret_key"],
    )


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


main()
