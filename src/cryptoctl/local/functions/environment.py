"""Execution environments: a process each, kept warm between invocations, with a log stream of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptoctl.local.functions.function import LEVELS, FunctionConfig
from cryptoctl.local.functions.log_lines import LogLines
from cryptoctl.local.launch import SOURCE_ROOT
from cryptoctl.local.processes import held_bytes, peak_bytes

WORKER_SCRIPT: Final[Path] = Path(__file__).with_name("worker.py")
CONTAINMENT: Final[Path] = Path(__file__).parents[1] / "containment.py"
OUT_OF_MEMORY: Final[str] = "signal: killed"
INIT_WITHIN_S: Final[float] = 10.0

READ_AT_ONCE_BYTES: Final[int] = 1 << 14
"""How much of a handler's output is taken before others get their turn: a handler may write without end."""
PIPE_BYTES: Final[int] = 1 << 16
"""The most that waits in a pipe."""
TAIL_CHARACTERS: Final[int] = 4096

WriteLines = Callable[[str, str, str, float, Sequence[str]], None]
"""Takes log lines: region, group, stream, time, texts."""


@dataclass(kw_only=True)
class InvocationOutcome:
    """How an invocation ended. `payload` is the answer's JSON text; `error` says whether it is an error's;
    `log_tail` is the end of what it wrote, TAIL_CHARACTERS at most."""

    payload: str
    error: bool = False
    error_type: str = ""
    log_tail: str = ""


class EnvironmentLostError(Exception):
    """The process ended, or took too long, in the middle of something."""


class ExecutionEnvironment:
    """One process that runs one function, one invocation at a time."""

    def __init__(
        self, function: FunctionConfig, variables: Mapping[str, str], ports: Sequence[int], write: WriteLines
    ) -> None:
        self.function = function
        self.used_at = time.monotonic()
        self.cold = True
        day = time.strftime("%Y/%m/%d", time.gmtime())
        self.log_stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        self._variables, self._ports = variables, ports
        self._process: subprocess.Popen[bytes] | None = None
        self.write_lines = partial(write, function.region, function.log_group, self.log_stream)
        self._lines = LogLines()
        self.log_tail = ""

    def alive(self) -> bool:
        """Whether the process could take an invocation."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> float:
        """Starts the process and loads the handler; how long that took, in milliseconds."""
        began = time.monotonic()
        engine_socket, worker_socket = socket.socketpair()
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", str(WORKER_SCRIPT), str(worker_socket.fileno())],
            cwd=self.function.code,
            env=_variables(self.function, self.log_stream, self._variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(worker_socket.fileno(),),
        )
        worker_socket.close()
        os.close(output)
        asyncio.get_running_loop().add_reader(self._output, self._read_output)
        self._reader, self._writer = await asyncio.open_connection(sock=engine_socket)
        self._send(_init(self.function, self._ports))
        # A handler whose loading takes longer is let go on: AWS loads it again under the function's timeout.
        await self._receive(max(INIT_WITHIN_S, self.function.timeout_s))
        return (time.monotonic() - began) * 1000

    async def invoke(self, request_id: str, payload: str, invoked_arn: str) -> InvocationOutcome:
        """Runs the handler. Raises EnvironmentLostError with the reason where the process was lost."""
        self.log_tail = ""
        deadline = time.time() + self.function.timeout_s
        message = {
            "request_id": request_id,
            "payload": payload,
            "invoked_function_arn": invoked_arn,
            "deadline": deadline,
        }
        self._send(message)
        try:
            response = await self._receive(self.function.timeout_s)
        finally:
            self.used_at = time.monotonic()
            self._drain()
        if "error" in response:
            error = response["error"]
            return InvocationOutcome(
                payload=json.dumps(error), error=True, error_type=error["errorType"], log_tail=self.log_tail
            )
        return InvocationOutcome(payload=response["result"], log_tail=self.log_tail)

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._drain()
        self._emit(self._lines.take_rest())
        asyncio.get_running_loop().remove_reader(self._output)
        os.close(self._output)
        self._writer.close()

    def memory_used_mb(self) -> int:
        """The most memory that the process has had so far; 0 where that cannot be learnt."""
        return (peak_bytes(self._process.pid) or 0) // 2**20 if self._process is not None else 0

    def end_if_out_of_memory(self) -> None:
        """Kills the process where it has more memory than its function may have, as Lambda does."""
        if self._process is not None and self.alive():
            used_bytes = held_bytes(self._process.pid) or 0
            if used_bytes > self.function.memory_mb * 2**20:
                self._process.kill()

    def _drain(self) -> None:
        """Takes over what the handler has written so far. Called at once when an answer comes: every line
        of an invocation is in the pipe by then, because the worker flushes before it answers."""
        remaining = PIPE_BYTES
        while remaining > 0 and (size := self._read_output()):
            remaining -= size

    def _read_output(self) -> int:
        """Takes over a piece of what the handler has written; how many bytes, 0 where nothing waits."""
        try:
            chunk = os.read(self._output, READ_AT_ONCE_BYTES)
        except OSError:
            return 0
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._output)
        self._emit(self._lines.take(chunk))
        return len(chunk)

    def _emit(self, lines: list[str]) -> None:
        if self.function.json_logs:
            lines = [line for line in lines if not below_level(line, self.function.log_level)]
        if lines:
            self.log_tail = "\n".join([self.log_tail, *lines])[-TAIL_CHARACTERS:].lstrip("\n")
            self.write_lines(time.time(), lines)

    def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message).encode()
        self._writer.write(len(text).to_bytes(4, "big") + text)

    async def _receive(self, within_s: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(within_s):
                size = int.from_bytes(await self._reader.readexactly(4), "big")
                response: dict[str, Any] = json.loads(await self._reader.readexactly(size))
                return response
        except TimeoutError:
            raise EnvironmentLostError("timeout") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            assert self._process is not None
            code = self._process.wait()
            name = (signal.strsignal(-code) or str(-code)).lower() if code < 0 else ""
            reason = f"signal: {name}" if name else f"exit status {code}"
            raise EnvironmentLostError(OUT_OF_MEMORY if code == -signal.SIGKILL else reason) from None


def below_level(line: str, threshold: str) -> bool:
    """Whether a JSON line says that it is less severe than the threshold. Other lines have no level."""
    if not line.startswith("{"):
        return False
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return False
    level = str(content.get("level", "")).upper()
    level = {"WARNING": "WARN", "CRITICAL": "FATAL"}.get(level, level)
    return "timestamp" in content and level in LEVELS and LEVELS[level] < LEVELS[threshold]


def _init(function: FunctionConfig, ports: Sequence[int]) -> dict[str, Any]:
    return {
        "containment": str(CONTAINMENT),
        "ports": list(ports),
        "code": str(function.code),
        # The engine's own cryptoctl stays out: what was not shipped must be missed here as well.
        "path": [path for path in sys.path if path and path != str(SOURCE_ROOT)],
        "handler": function.handler,
        "function_name": function.name,
        "function_version": function.version,
        "memory_mb": function.memory_mb,
        "json_logs": function.json_logs,
        "log_level": function.log_level,
    }


def _variables(function: FunctionConfig, log_stream: str, to_aws: Mapping[str, str]) -> dict[str, str]:
    """The environment AWS gives a handler, and one variable more: where AWS is."""
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # A home that does not exist: no ~/.aws of this machine's user is read.
        "HOME": "/home/sbx_user1051",
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if function.json_logs else "Text",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": str(WORKER_SCRIPT.parent),
        "_HANDLER": function.handler,
        **to_aws,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }
    if function.json_logs:
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level
    return {**function.variables, **variables}
