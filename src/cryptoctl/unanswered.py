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

    Many requests are under way at the same time: of each attempt, the first one stands for all.
    """

    def __init__(self, notify: Callable[[str], object], attempts: int) -> None:
        self._notify, self._attempts = notify, attempts
        self._told: set[int] = set()
        self._lock = threading.Lock()

    def heard(self, operation: Any, attempts: int, caught_exception: Exception | None, **_: Any) -> None:
        """botocore's event `needs-retry.SERVICE.OPERATION`, after each attempt."""
        if caught_exception is None or attempts >= self._attempts:  # the last one is an error of its own
            return
        with self._lock:
            if attempts in self._told:
                return
            self._told.add(attempts)
        asked = f"{operation.service_model.service_name}:{operation.name}"
        why = without_password(one_line(str(caught_exception))).rstrip(".")
        self._notify(f"No answer to {asked} yet (attempt {attempts} of {self._attempts}): {why}.")
