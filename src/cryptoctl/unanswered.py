"""Requests without an answer: how long each is waited for, and that they are sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cryptoctl.aws_errors import one_line, without_password

# Where no message is there, SQS answers after 20 s; an invocation takes as long as its function.
CONNECT_TIMEOUT_S, READ_TIMEOUT_S, INVOKE_TIMEOUT_S = 5, 30, 70


def timeouts(service: str) -> dict[str, int]:
    """botocore's settings: for how many seconds a service's connection and its answer are waited for."""
    read_timeout_s = INVOKE_TIMEOUT_S if service == "lambda" else READ_TIMEOUT_S
    return {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": read_timeout_s}


class UnansweredRequests:
    """Tells of a request that gets no answer, of which botocore says nothing while it sends it again.

    Many requests are under way at the same time: of each attempt, the first one stands for all, until each
    service that gave no answer has given one.
    """

    def __init__(self, notify: Callable[[str], object], attempts: int) -> None:
        self._notify, self._attempts = notify, attempts
        self._told, self._silent = set[int](), set[str]()
        self._lock = threading.Lock()

    def heard(self, operation: Any, attempts: int, caught_exception: Exception | None, **_: Any) -> None:
        """botocore's event `needs-retry.SERVICE.OPERATION`, after each attempt."""
        service = operation.service_model.service_name
        with self._lock:
            if caught_exception is None:
                self._silent.discard(service)
                if not self._silent:
                    self._told.clear()
                return
            self._silent.add(service)
            if attempts >= self._attempts or attempts in self._told:  # the last one is an error of its own
                return
            self._told.add(attempts)
        why = without_password(one_line(str(caught_exception))).rstrip(".")
        self._notify(
            f"No answer to {service}:{operation.name} yet (attempt {attempts} of {self._attempts}): {why}."
        )
