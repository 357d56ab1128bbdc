"""Clients of the hostile AWS: the command line in processes of its own, quick to start and easy to kill."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REGION = "us-east-1"
SCRIPT = Path(__file__).with_name("fork_server.py")
SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True, kw_only=True)
class ProcessResult:
    """How a command ended: its exit code (negative: the signal), stdout and stderr."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(kw_only=True)
class Running:
    """A command under way."""

    home: Path
    pid: int = 0
    code: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        """As with a power cut."""
        os.kill(self.pid, signal.SIGKILL)

    def interrupt(self, *signals: signal.Signals) -> None:
        """As with Ctrl-C, or with these signals."""
        for number in signals or (signal.SIGINT,):
            os.kill(self.pid, number)

    def stderr(self) -> str:
        """Its stderr so far."""
        file = self.home / f"{self.pid}.err"
        return file.read_text("utf-8") if file.exists() else ""

    def wait(self, within_s: float = 240.0) -> ProcessResult:
        """How it ended. A command that does not end in time is killed, and its code says so."""
        if not self.over.wait(within_s):
            self.kill()
            self.over.wait()
        out, err = (self.home / f"{self.pid}.out", self.home / f"{self.pid}.err")
        result = ProcessResult(code=self.code, out=out.read_text("utf-8"), err=err.read_text("utf-8"))
        out.unlink()
        err.unlink()
        return result


class ForkServer:
    """Starts commands; see fork_server.py."""

    def __init__(
        self, url: str, credentials: tuple[str, str], home: Path, source: Path, through: str
    ) -> None:
        self.home = home
        self._tokens = itertools.count()
        self._running: dict[int, Running] = {}
        self._ready = threading.Event()  # or ended before
        self._is_ready = False
        self._lock = threading.Lock()
        self._added: dict[str, str] = {}
        self.variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(source),
            "AWS_ENDPOINT_URL": url,
            "HTTP_PROXY": through,
            "AWS_ACCESS_KEY_ID": credentials[0],
            "AWS_SECRET_ACCESS_KEY": credentials[1],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CRYPTOCTL_STATE_DIR": str(home / "state"),
            "HOME": str(home),
            "COLUMNS": "200",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(home)],
            env=self.variables,
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(60):
            self._process.kill()
        if not self._is_ready:
            self.close()
            raise AssertionError("The server of forks was never ready: see its stderr.")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            event = json.loads(line)
            if "ready" in event:
                self._is_ready = True
                self._ready.set()
            elif "pid" in event:
                self._running[event["token"]].pid = event["pid"]
                self._running[event["token"]].begun.set()
            else:
                running = self._running.pop(event["token"])
                running.code = event["code"]
                running.over.set()
        self._ready.set()

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        on_start: Callable[[int], None] = lambda pid: None,
    ) -> Running:
        """Starts `cryptoctl ARGUMENTS`; `on_start` gets its process id before it can have done anything."""
        running = Running(home=self.home)
        with self._lock:
            token = next(self._tokens)
            self._running[token] = running
            assert self._process.stdin
            added = {**self._added, **(variables or {})}
            order = {"token": token, "arguments": arguments, "variables": added}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        assert running.begun.wait(60)
        on_start(running.pid)
        return running

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> ProcessResult:
        """Runs `cryptoctl ARGUMENTS` to its end."""
        return self.start(*arguments, variables=variables).wait()

    @contextmanager
    def configured_by(self, file: Path) -> Iterator[None]:
        """While the block runs, this is the configuration file of every command that names none."""
        self._added = {"CRYPTOCTL_CONFIG": str(file)}
        self.variables |= self._added
        yield
        for name in self._added:
            del self.variables[name]
        self._added = {}

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join()
        self._process.stdout.close()


@contextmanager
def fork_server(
    url: str, credentials: tuple[str, str], home: Path, *, source: Path = SOURCE, through: str = ""
) -> Iterator[ForkServer]:
    """Ends with the block. Its commands are those of the package below `source`, perhaps behind a proxy."""
    home.mkdir(parents=True, exist_ok=True)
    server = ForkServer(url, credentials, home, source, through)
    try:
        yield server
    finally:
        server.close()
