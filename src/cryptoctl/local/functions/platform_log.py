"""The lines Lambda itself adds to a function's log, in the function's log format."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from cryptoctl.local.functions.destinations import timestamp
from cryptoctl.local.functions.function import LEVELS, FunctionConfig


class PlatformLog:
    """The platform's lines about one invocation."""

    def __init__(
        self, function: FunctionConfig, request_id: str, write: Callable[[float, Sequence[str]], None]
    ) -> None:
        self._function = function
        self._request_id = request_id
        self._write = write
        self.init_ms = 0.0
        self.memory_used_mb = function.memory_mb

    def init(self) -> None:
        """A new execution environment is being made."""
        runtime = self._function.runtime
        record = {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": runtime,
            "functionName": self._function.name,
            "functionVersion": self._function.version,
        }
        self._say("platform.initStart", record, f"INIT_START Runtime Version: {runtime}")

    def start(self) -> None:
        """The invocation begins."""
        record = {"requestId": self._request_id, "version": self._function.version}
        self._say(
            "platform.start", record, f"START RequestId: {self._request_id} Version: {self._function.version}"
        )

    def report(self, duration_ms: float, status: str, error_type: str = "") -> None:
        """The invocation has ended. `error_type` is the platform's, where the environment was lost."""
        if not self._function.json_logs:
            self._line(f"END RequestId: {self._request_id}")
        metrics: dict[str, Any] = {
            "durationMs": round(duration_ms, 3),
            "billedDurationMs": int(duration_ms) + 1,
            "memorySizeMB": self._function.memory_mb,
            "maxMemoryUsedMB": self.memory_used_mb,
        }
        text = f"REPORT RequestId: {self._request_id}\tDuration: {duration_ms:.2f} ms\t"
        text += (
            f"Billed Duration: {metrics['billedDurationMs']} ms\tMemory Size: {self._function.memory_mb} MB\t"
        )
        text += f"Max Memory Used: {self.memory_used_mb} MB"
        if self.init_ms:
            metrics["initDurationMs"] = round(self.init_ms, 3)
            text += f"\tInit Duration: {self.init_ms:.2f} ms"
        if status != "success":
            text += f"\tStatus: {status}"
        record = {"requestId": self._request_id, "metrics": metrics, "status": status}
        if error_type:
            text += f"\tError Type: {error_type}"
            record["errorType"] = error_type
        self._say("platform.report", record, text, "INFO" if status == "success" else "WARN")

    def environment_lost(self, error_type: str, cause: str, duration_ms: float, status: str) -> None:
        """The environment did not live to see the invocation's end."""
        if not self._function.json_logs:
            if status == "timeout":
                message = f"Task timed out after {self._function.timeout_s:.2f} seconds"
                self._line(f"{timestamp(time.time())} {self._request_id} {message}")
            else:
                self._line(
                    f"RequestId: {self._request_id} Error: Runtime exited with error: {cause}\n{error_type}"
                )
        self.report(duration_ms, status, "" if status == "timeout" else error_type)

    def _say(self, kind: str, record: dict[str, Any], text: str, level: str = "INFO") -> None:
        if self._function.json_logs and LEVELS[level] < LEVELS[self._function.system_log_level]:
            return
        line = {"time": timestamp(time.time()), "type": kind, "record": record}
        # Without spaces, as Lambda writes it: filter patterns match to the letter.
        self._line(json.dumps(line, separators=(",", ":")) if self._function.json_logs else text)

    def _line(self, text: str) -> None:
        self._write(time.time(), [text])
