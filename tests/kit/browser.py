"""A real Chromium, driven over the pipe of its DevTools protocol, and all that it asks for."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WITHIN_S = 60.0
POLL_EVERY_S = 0.05


def chromium() -> str:
    """The browser's program; without one the test is skipped."""
    program = next((program for name in BROWSERS if (program := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    return program


@dataclass(frozen=True, kw_only=True)
class PageMemory:
    """What a page holds: bytes of its JavaScript, nodes of its documents, listeners."""

    heap_bytes: int
    nodes: int
    listeners: int


# What Chromium does on its own account reaches for the network: `make offline` counts that.
OWN_BUSINESS = "MediaRouter,OptimizationHints,NetworkTimeServiceQuerying"
# A renderer for each page's site would be started anew with every page that a test opens.
ONE_RENDERER = ("--renderer-process-limit=1", "--disable-site-isolation-trials")
NOWHERE_ELSE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost"


class Browser:
    """One tab of a headless browser with a profile of its own."""

    def __init__(self, profile: Path, *arguments: str) -> None:
        program = chromium()
        reading, self._to = os.pipe()
        self._from, written = os.pipe()
        # Chromium reads commands from descriptor 3 and writes to 4, wherever ours happen to be.
        high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (reading, written)]

        def place() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [
                *(program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
                *(f"--user-data-dir={profile}", "--no-first-run", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--hide-scrollbars", *ONE_RENDERER),
                *(f"--disable-features={OWN_BUSINESS}", f"--host-resolver-rules={NOWHERE_ELSE}"),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=place,
            start_new_session=True,
        )
        for descriptor in (reading, written, *high):
            os.close(descriptor)
        self._number, self._read = 0, b""
        self._answers: dict[int, dict[str, Any]] = {}
        self.requests: list[str] = []
        """the address of every request of the page"""
        self.problems: list[str] = []
        """exceptions, refusals by a policy, and what the console warned of"""
        self._passed = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = ""
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Page", "Runtime", "Log", "Performance"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """Ends it, and every process that it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(WITHIN_S)
        for descriptor in (self._to, self._from):
            os.close(descriptor)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and gives its result."""
        self._number += 1
        number = self._number
        sent: dict[str, Any] = {"id": number, "method": method, "params": params}
        if getattr(self, "_session", ""):
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        deadline_s = time.monotonic() + WITHIN_S
        while number not in self._answers:
            assert time.monotonic() < deadline_s, f"{method} was not answered in {WITHIN_S:.0f} s"
            self._receive(deadline_s - time.monotonic())
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _receive(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self._from], [], [], max(0.0, timeout_s))
        if ready:
            part = os.read(self._from, 2**20)
            assert part, "the browser has ended"
            self._read += part
        *messages, self._read = self._read.split(b"\0")
        for message in messages:
            self._note(json.loads(message))

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if "id" in message:
            self._answers[message["id"]] = message
        elif message["method"] == "Emulation.virtualTimeBudgetExpired":
            self._passed = True
        elif message["method"] == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message["method"] == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:600])
        elif message["method"] == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.problems.append(params["entry"]["text"])
        elif message["method"] == "Runtime.consoleAPICalled" and params["type"] in ("warning", "error"):
            self.problems.append(json.dumps([argument.get("value") for argument in params["args"]]))

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is awaited."""
        response = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    def until(
        self, expression: str, condition: Callable[[Any], bool] = bool, within_s: float = WITHIN_S
    ) -> Any:
        """The expression's value once it is as wanted."""
        deadline_s = time.monotonic() + within_s
        while not condition(value := self.run(expression)):
            assert time.monotonic() < deadline_s, f"{expression} is still {value!r}; {self.problems}"
            self._receive(POLL_EVERY_S)
        return value

    def forget_requests(self) -> None:
        """Notes no more requests: of thousands, Chromium and `requests` would hold every one."""
        self.call("Network.disable")

    def pass_time(self, milliseconds: int, within_s: float) -> None:
        """Lets the page's clock and timers run as fast as they can, but not while a request is under way."""
        self._passed = False
        policy = "pauseIfNetworkFetchesPending"
        self.call("Emulation.setVirtualTimePolicy", policy=policy, budget=milliseconds)
        deadline_s = time.monotonic() + within_s
        while not self._passed:
            assert time.monotonic() < deadline_s, f"{milliseconds} ms have not passed in {within_s:.0f} s"
            self._receive(deadline_s - time.monotonic())

    def look(self, file: Path, width: int, height: int, *, dark: bool = False) -> None:
        """Writes a picture of the page at a size."""
        self.size(width, height, dark=dark)
        response = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(response["data"]))

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Sets the window's size and which colours the person prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def memory(self) -> PageMemory:
        """What the page holds after its rubbish is collected."""
        self.call("HeapProfiler.collectGarbage")
        metrics = {
            metric["name"]: int(metric["value"]) for metric in self.call("Performance.getMetrics")["metrics"]
        }
        return PageMemory(
            heap_bytes=metrics["JSHeapUsedSize"],
            nodes=metrics["Nodes"],
            listeners=metrics["JSEventListeners"],
        )
