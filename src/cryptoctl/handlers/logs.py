"""One JSON line for each log record, on stdout, whether or not the runtime has a handler of its own."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

_PLAIN_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


# A part of a batch is given back to the stream: the invocation itself succeeds, so this line alone tells.
RETRY_MESSAGE = "enrichment failed, and will be tried again"


class RetryError(RuntimeError):
    """Ends an invocation that Lambda retries. error-notifier makes one alert of each cause, not each retry.

    Where the retries fail as well, the event becomes a dead letter, and nothing more is logged of it.
    """


class JsonFormatter(logging.Formatter):
    """timestamp, level, message, logger, function, requestId, then the record's extras and its traceback.

    The names are those of Lambda's own JSON lines, so that one query reads both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, without spaces between the members."""
        line: dict[str, Any] = {
            "timestamp": iso_utc(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            "requestId": self.request_id,
        }
        line.update((name, value) for name, value in vars(record).items() if name not in _PLAIN_RECORD)
        if record.exc_info and record.exc_info[0] is not None:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = _trace(self.formatException(record.exc_info), record.levelno)
        return json.dumps(line, separators=(",", ":"), default=str)


def _trace(text: str, level: int) -> str:
    """Without its first line, which the filter for errors looks for, where it is no error yet."""
    return text if level >= logging.ERROR else text.replace("Traceback (most recent call last):\n", "")


class _Stdout(logging.StreamHandler[Any]):
    """Writes to whatever stdout is now: a runtime may exchange it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stdout


_formatter = JsonFormatter()
_root = logging.getLogger("cryptoctl")


def logger(name: str) -> logging.Logger:
    """The logger of a handler module; set up once for each process."""
    if not any(isinstance(handler, _Stdout) for handler in _root.handlers):
        handler = _Stdout()
        handler.setFormatter(_formatter)
        _root.addHandler(handler)
        _root.setLevel(os.environ.get("LOG_LEVEL") or logging.INFO)
        _root.propagate = False
        # It tells at INFO where it found its credentials, at every cold start.
        logging.getLogger("botocore").setLevel(logging.WARNING)
    return _root.getChild(name)


def begin_request(context: object) -> None:
    """From now on the lines carry this invocation's request id."""
    _formatter.request_id = str(getattr(context, "aws_request_id", "") or "")


def request_id() -> str:
    """This invocation's."""
    return _formatter.request_id


def by_symbol(prices: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Symbol → sort keys, as lines name prices: by its key a price is found in the logs."""
    sort_keys: dict[str, list[str]] = {}
    for symbol, sort_key in prices:
        sort_keys.setdefault(symbol, []).append(sort_key)
    return sort_keys


def iso_utc(seconds: float) -> str:
    """A moment in seconds since 1970 as ISO 8601 in UTC, with milliseconds and offset."""
    whole_s, millis = divmod(int(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole_s)) + f".{millis:03}+00:00"
