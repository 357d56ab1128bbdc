"""The embedded engine as the rest of cryptoctl sees it: start, stop, status, reset, credentials.

Nothing heavy is imported here; the engine itself lives in a process of its own (server.py).
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptoctl.local import launch
from cryptoctl.local.access_keys import AccessKeys, EngineAccessKey
from cryptoctl.local.data_directory import DataDirectory, EngineRecord
from cryptoctl.local.errors import EngineError
from cryptoctl.local.health_check import problems, responds
from cryptoctl.local.http import ACCOUNT
from cryptoctl.local.launch import DEFAULT_PORT, source_digest
from cryptoctl.local.options import EngineOptions
from cryptoctl.local.outbox import OutboxMessage, read_outbox
from cryptoctl.local.private_files import LINK_HINT
from cryptoctl.local.processes import end_group, end_processes_with, resident_bytes

__all__ = [
    "ACCOUNT",
    "DEFAULT_PORT",
    "Engine",
    "EngineAccessKey",
    "EngineError",
    "EngineOptions",
    "EngineStatus",
    "OutboxMessage",
]

REPLACES_IT: Final = "`cryptoctl local stop`, then `cryptoctl local start` start it anew with its data."
UNNAMED: Final[str] = "it does not say which process it is (an early cryptoctl's does not)"
SETTLES_WITHIN_S: Final[float] = 10.0
STOP_WITHIN_S: Final[float] = 15.0


@dataclass(frozen=True, kw_only=True)
class EngineStatus:
    """The engine as it is now. `notes` says what was lost or kept aside at its last start,
    `problems` what does not work at the moment, if it was asked."""

    running: bool
    url: str | None
    pid: int | None
    port: int | None
    started_at: datetime | None
    home: Path
    log_file: Path
    memory_bytes: int | None
    notes: tuple[str, ...]
    problems: tuple[str, ...]


class Engine:
    """One embedded engine, known by its home directory."""

    def __init__(self, home: Path) -> None:
        self._data = DataDirectory(home)

    def start(self, *, port: int | None = None, options: EngineOptions | None = None) -> EngineStatus:
        """Starts the engine and returns when it answers; one that runs already is left as it is.

        Where it runs with other options than these, `notes` says which.

        Without a port it listens where it did last time, else on DEFAULT_PORT; 0 lets the system choose.
        Raises EngineError where the port is taken, ministack is not installed, or the engine died.
        """
        with self._translate_errors("Starting"):
            self._data.create()
            with self._data.starting():
                status = self.status()
                if status.running:
                    _same_port(status, port)
                    return self._with_changes(status, options)
                self._end_leftovers()
                self._data.forget_holder()
                launch.launch(self._data, self._port_to_use(port), options or EngineOptions())
                return self.status()

    def check_start(self, port: int | None) -> None:
        """Raises EngineError where `start` would: of the directory, the port, or what is not installed."""
        with self._translate_errors("Starting"):
            self._data.check_place()
        launch.check(self._port_to_use(port))

    def stop(self) -> bool:
        """Stops the engine and all it started. True if it was running.

        Raises EngineError where it does not end, or has ended without having saved everything.
        """
        stopped = self._stop()
        if stopped and self._data.unclean() and not self._data.running():
            raise EngineError(
                f"Stopping the embedded engine in {self._data.directory}: it has ended, but not everything "
                "was saved: messages in queues, and changes of the last moments, may be missing.",
                hint=f"Make room on the disk, if it is full. {self._data.log_file} may say more.",
            )
        return stopped

    def _stop(self) -> bool:
        with self._translate_errors("Stopping"):
            if not self._data.running():
                self._end_leftovers()
                return False
        pid = self._holder()
        if pid is not None:
            for number in (signal.SIGTERM, signal.SIGCONT):  # one that is suspended can save all, too
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            stopped = _wait_until(lambda: not self._data.running(), STOP_WITHIN_S)
            # What the engine started is in its process group: workers, and whatever handlers spawned.
            end_group(pid)
            if not stopped:
                _wait_until(lambda: not self._data.running(), STOP_WITHIN_S)
        if self._data.running():
            raise self._still_running_error(pid)
        self._end_leftovers()
        return True

    def _still_running_error(self, pid: int | None) -> EngineError:
        record, reason = self._data.read(), "it does not end"
        process = "the process that holds engine.lock there"
        if pid is None:
            reason = UNNAMED
            process = f"process {record.pid}, if it is the engine" if record is not None else process
        return EngineError(
            f"Stopping the embedded engine in {self._data.directory}: {reason}.",
            hint=f"End {process}, then try again.",
        )

    def _end_leftovers(self) -> None:
        """Ends what handlers of this engine, or of one that was killed, have started and left running."""
        end_processes_with("LAMBDA_TASK_ROOT", str(self._data.code) + os.sep)

    def status(self, *, with_problems: bool = False) -> EngineStatus:
        """The engine as it is now, whoever started it. Raises EngineError where that cannot be learnt.

        `with_problems`: the engine itself is asked for its problems; that it does not answer is one.
        """
        with self._translate_errors("Looking for"):
            running = self._data.running()
            record = self._settled_record() if running else self._data.read()
            # One that was just ending has ended meanwhile.
            running = running and (record is not None or self._data.running())
        if running and record is None:
            late = "is not ready yet" if self._data.holder() else UNNAMED
            reason = late if self._data.read() else "its engine.json is damaged"
            raise EngineError(
                f"The embedded engine in {self._data.directory} runs, but {reason}.",
                hint="If that lasts, run `cryptoctl local stop` and start it again; the data is kept.",
            )
        live = record if running else None
        checked = live if with_problems else None
        return EngineStatus(
            running=running,
            url=f"http://127.0.0.1:{live.port}" if live else None,
            pid=live.pid if live else None,
            port=live.port if live else None,
            started_at=live.started if live else None,
            home=self._data.directory,
            log_file=self._data.log_file,
            memory_bytes=resident_bytes(live.pid) if live else None,
            notes=(record.notes if record else ()) + (_other_code(checked) if checked else ()),
            problems=problems(checked) if checked else (),
        )

    def responds(self, within_s: float) -> bool:
        """Whether the engine that runs does not keep waiting who asks: it may be suspended, or hang."""
        record = self._data.read()
        return record is None or responds(record, within_s)

    def other_code(self) -> tuple[str, ...]:
        """A note where the engine that runs does not run the code that is installed now."""
        record = self._data.read()
        return _other_code(record) if record is not None else ()

    def reset(self) -> bool:
        """Stops the engine and deletes all of its data. False where no engine has been."""
        self._stop()
        with self._translate_errors("Deleting the data of"):
            if not self._data.used():
                return False
            with self._data.starting():
                self._stop()  # one that somebody has started meanwhile
                self._data.delete_own()
            return True

    def other_files(self) -> list[str]:
        """The names of what lies in the engine's directory and is not the engine's; a reset leaves it."""
        with self._translate_errors("Looking into"):
            return self._data.other_files()

    def outbox(self, last: int) -> list[OutboxMessage]:
        """The newest messages that would have left this machine, oldest first. Raises EngineError."""
        return read_outbox(self._data.store_file, last)

    def credentials(self, environment: str) -> EngineAccessKey:
        """The access key of one environment: random, the same until `reset`, valid at this engine only.

        All environments are in one account, 000000000000, so that they can be listed side by side.
        """
        with self._translate_errors("Making an access key of"):
            return AccessKeys(self._data.key_file).for_environment(environment)

    @contextmanager
    def _translate_errors(self, doing: str) -> Iterator[None]:
        """What the directory refuses, as one sentence; refused itself where it is not this user's alone."""
        if exposure := self._data.exposure():
            raise EngineError(
                f"{doing} the embedded engine in {self._data.directory}: {exposure.reason}.",
                hint=exposure.hint,
            )
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            path = f" ({error.filename})" if error.filename else ""
            raise EngineError(
                f"{doing} the embedded engine in {self._data.directory}: {reason}{path}.",
                hint=LINK_HINT
                if error.errno == errno.ELOOP
                else "Make the directory writable and give it room, or name another in CRYPTOCTL_STATE_DIR.",
            ) from error

    def _with_changes(self, running: EngineStatus, options: EngineOptions | None) -> EngineStatus:
        """The status, with a note where what runs is not what would be started now."""
        record = self._data.read()
        if options is None or record is None:
            return running
        notes = list(_other_code(record))
        if not notes:
            try:
                if changes := ", ".join(options.changes_from(EngineOptions.from_json(record.options))):
                    notes = [
                        f"The engine runs with other options than are set now ({changes}). {REPLACES_IT}"
                    ]
            except ValueError:
                notes = [f"The options of the engine that runs cannot be read. {REPLACES_IT}"]
        return replace(running, notes=(*running.notes, *notes))

    def _port_to_use(self, port: int | None) -> int:
        if port is not None:
            return port
        last = self._data.read()
        return last.port if last else DEFAULT_PORT

    def _holder(self) -> int | None:
        """The process of the engine that runs; a moment is given to one just starting."""
        _wait_until(lambda: self._data.holder() is not None or not self._data.running(), SETTLES_WITHIN_S)
        return self._data.holder() if self._data.running() else None

    def _settled_record(self) -> EngineRecord | None:
        """The record of the engine that holds the lock; a moment is given to one just starting."""
        records: list[EngineRecord] = []

        def is_settled() -> bool:
            record = self._data.read()
            # What an earlier engine has left names a process that may be anybody's by now.
            if record is not None and record.pid == self._data.holder():
                records.append(record)
            return bool(records) or not self._data.running()

        _wait_until(is_settled, SETTLES_WITHIN_S)
        return records[0] if records else None


def _other_code(record: EngineRecord) -> tuple[str, ...]:
    """A note where the engine does not run the code that is installed now."""
    if record.code == source_digest():
        return ()
    return (f"The engine that runs was started by another version of cryptoctl. {REPLACES_IT}",)


def _same_port(running: EngineStatus, port: int | None) -> None:
    if port not in (None, 0, running.port):
        raise EngineError(
            f"Starting the embedded engine on port {port}: it runs already, on port {running.port}.",
            hint="Stop it first (`cryptoctl local stop`), or use the port it has.",
        )


def _wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
