"""Requests without an answer, or only with faults: how long is waited, and that they are sent again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptoctl.aws_errors import THROTTLED, one_line, without_password
from cryptoctl.botocore_errors import text_of
from cryptoctl.reminder import Reminder

# Where no message is there, SQS answers after 20 s; an invocation takes as long as its function.
CONNECT_TIMEOUT_S, READ_TIMEOUT_S, INVOKE_TIMEOUT_S = 5, 30, 70
SERVER_FAULT = 500
# One or two are every day's, and over within some seconds.
FAULTS_TOLD_FROM_ATTEMPT = 3
TOLD_AFTER_S = 10.0
LOOKED_FOR_EVERY_S = 2.0
# These take their time where all is well.
SLOW_BY_NATURE = frozenset({"Invoke", "ReceiveMessage"})


def timeouts(service: str) -> dict[str, int]:
    """botocore's settings: for how many seconds a service's connection and its answer are waited for."""
    read_timeout_s = INVOKE_TIMEOUT_S if service == "lambda" else READ_TIMEOUT_S
    return {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": read_timeout_s}


class UnansweredRequests:
    """Tells of a request that botocore, which says nothing of it, sends again and again; and of its end.

    Many requests are under way at the same time: one stands for all, until each service that gave no answer,
    or only faults, has given one.
    """

    def __init__(self, notify: Callable[[str], object], attempts: int) -> None:
        self._notify, self._attempts = notify, attempts
        self._reminder, self._silent, self._told = Reminder(TOLD_AFTER_S), set[str](), False
        self._sent, self._watcher = dict[int, tuple[float, str, str]](), False
        self._lock = threading.Lock()

    def watch(self, events: Any, service: str, *, once: bool) -> None:
        """Looks at the requests of a client of botocore's; of those that go `once` only that they hang."""
        events.register("before-send", partial(self._on_request, service))
        events.register_first("needs-retry", self.forget)
        if not once:
            events.register("needs-retry", self.on_response)

    def _on_request(self, service: str, event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if operation in SLOW_BY_NATURE:
            return
        with self._lock:
            self._sent[threading.get_ident()] = (time.monotonic(), service, operation)
            if not self._watcher:
                self._watcher = True
                threading.Thread(target=self._look_for_silence, daemon=True).start()

    def forget(self, **_: Any) -> None:
        """Told that nothing of this thread's is under way any more: an answer came, or a signal ended it."""
        with self._lock:
            self._sent.pop(threading.get_ident(), None)

    def _look_for_silence(self) -> None:
        """Until nothing is under way: botocore tells nobody that it waits."""
        pause = threading.Event()
        while not pause.wait(LOOKED_FOR_EVERY_S):
            with self._lock:
                if not self._sent:
                    self._watcher = False
                    return
                began_s, service, operation = min(self._sent.values())
                silent_s = time.monotonic() - began_s
                if silent_s < TOLD_AFTER_S or not self._is_due(service, None, 0):
                    continue
            self._notify(f"{service}:{operation} has not answered for {silent_s:.0f} s.")

    def on_response(
        self,
        operation: Any,
        attempts: int,
        caught_exception: Exception | None,
        response: tuple[Any, Mapping[str, Any]] | None = None,
        **_: Any,
    ) -> None:
        """botocore's event `needs-retry.SERVICE.OPERATION`, after each attempt."""
        service = operation.service_model.service_name
        fault = _passing_fault(*response) if response else None
        over = caught_exception is None and fault is None
        with self._lock:
            if not (self._is_over(service) if over else self._is_due(service, fault, attempts)):
                return
        request, attempt = f"{service}:{operation.name}", f"(attempt {attempts} of {self._attempts})"
        if over:
            self._notify(f"{request} works again.")
        elif fault:
            self._notify(f"{request} still answers {fault} {attempt}.")
        else:
            reason = without_password(one_line(text_of(caught_exception))).rstrip(".")
            self._notify(f"No answer to {request} yet {attempt}: {reason}.")

    def _is_over(self, service: str) -> bool:
        """Whether this answer is the end of what was told."""
        self._silent.discard(service)
        if self._silent:
            return False
        self._reminder.reset()
        told, self._told = self._told, False
        return told

    def _is_due(self, service: str, fault: str | None, attempts: int) -> bool:
        """Whether it is to be told that this attempt failed."""
        self._silent.add(service)
        if attempts >= self._attempts or (fault and attempts < FAULTS_TOLD_FROM_ATTEMPT):
            return False  # the last one is an error of its own
        due = self._reminder.due(time.monotonic())
        self._told = self._told or due
        return due


def _passing_fault(http: Any, parsed: Mapping[str, Any]) -> str | None:
    """The code of an answer that says to ask again; None for any other answer."""
    code = one_line(str((parsed.get("Error") or {}).get("Code", "")))
    return (code or str(http.status_code)) if code in THROTTLED or http.status_code >= SERVER_FAULT else None
