"""One execution environment of a Python function. Run as a script, in a process of its own.

It speaks with the engine over one socket, in frames of a length and a JSON text: first what to load, then
one frame in and one out for each invocation. Standard output and error belong to the handler alone.
"""

import importlib
import json
import logging
import os
import queue
import runpy
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any


class Context:
    """What a handler learns about its invocation, under the names AWS gives."""

    def __init__(self, init: dict[str, Any], message: dict[str, Any]) -> None:
        self.function_name = init["function_name"]
        self.function_version = init["function_version"]
        self.memory_limit_in_mb = init["memory_mb"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = message["invoked_function_arn"]
        self.aws_request_id = message["request_id"]
        self.client_context = None
        self.identity = None
        self._deadline = message["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Until the invocation is cut off."""
        return max(0, int((self._deadline - time.time()) * 1000))


class Channel:
    """Frames from and to the engine. When the engine ends, this process does too."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._frames: queue.Queue[dict[str, Any]] = queue.Queue()
        self._engine = os.getppid()

    def open(self) -> dict[str, Any]:
        """The first frame; from then on a thread watches for more, and for the engine's end."""
        first = self._read()
        threading.Thread(target=self._watch, daemon=True).start()
        return first

    def receive(self) -> dict[str, Any]:
        """The next frame."""
        return self._frames.get()

    def send(self, message: dict[str, Any]) -> None:
        """Sends one frame."""
        text = json.dumps(message).encode()
        try:
            self._socket.sendall(len(text).to_bytes(4, "big") + text)
        except OSError:
            end_with_the_engine(self._engine)

    def _watch(self) -> None:
        while True:
            self._frames.put(self._read())

    def _read(self) -> dict[str, Any]:
        size = int.from_bytes(self._exactly(4), "big")
        frame: dict[str, Any] = json.loads(self._exactly(size))
        return frame

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                chunk = self._socket.recv(min(count - len(data), 1 << 20))
            except OSError:
                # An engine that died with an answer unread resets the connection instead of closing it.
                chunk = b""
            if not chunk:
                end_with_the_engine(self._engine)
            data += chunk
        return bytes(data)


def end_with_the_engine(engine: int) -> None:
    """Ends this process; where the engine was killed, what handlers have started ends as well."""
    deadline = time.monotonic() + 1.0
    # A dying process closes its sockets before it stops being the parent.
    while os.getppid() == engine and time.monotonic() < deadline:
        time.sleep(0.01)
    if os.getppid() != engine and os.getpgrp() != os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


class JsonLogFormatter(logging.Formatter):
    """A log record in the shape the Python runtime gives it when the function's log format is JSON."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        entry: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            entry["errorType"] = record.exc_info[0].__name__
            entry["errorMessage"] = str(record.exc_info[1])
            entry["stackTrace"] = traceback.format_tb(record.exc_info[2])
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        if self.request_id:
            entry["requestId"] = self.request_id
        extra = (
            record.__dict__.keys()
            - logging.makeLogRecord({}).__dict__.keys()
            - {"message", "asctime", "taskName"}
        )
        entry.update({name: record.__dict__[name] for name in sorted(extra)})
        return json.dumps(entry, default=str, ensure_ascii=False)


class TextLogFormatter(logging.Formatter):
    """A log record in the runtime's plain-text shape."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """The line, its fields separated by tabs; a traceback stays part of the same event."""
        moment = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        )
        text = f"[{record.levelname}]\t{moment}\t{self.request_id}\t{record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text.replace("\n", "\r")


def set_up_logging(init: dict[str, Any]) -> "JsonLogFormatter | TextLogFormatter":
    """Gives the root logger the runtime's handler, as AWS does before the function's module is loaded."""
    formatter = JsonLogFormatter() if init["json_logs"] else TextLogFormatter()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    if init["json_logs"]:
        # Lambda's TRACE and FATAL have no name of their own in Python's logging.
        level = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(init["log_level"], init["log_level"])
        logging.getLogger().setLevel({"WARN": "WARNING"}.get(level, level))
    return formatter


def error_of(error: BaseException, request_id: str, *, skip: int = 0) -> dict[str, Any]:
    """An exception as the runtime answers it: message, type, request id, stack trace."""
    frames = traceback.extract_tb(error.__traceback__)[skip:]
    return failure(type(error).__name__, str(error), request_id, traceback.format_list(frames))


def failure(kind: str, message: str, request_id: str, stack_trace: Sequence[str] = ()) -> dict[str, Any]:
    """The runtime's answer where there is no result."""
    return {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": list(stack_trace),
    }


def log_error(error: dict[str, Any], json_logs: bool) -> None:
    """Writes an unhandled error to the log, as the runtime does after each one."""
    if json_logs:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"timestamp": moment, "log_level": "ERROR", **error}, ensure_ascii=False)
    else:
        line = f"[ERROR] {error['errorType']}: {error['errorMessage']}"
        if error.get("stackTrace"):
            line += "\rTraceback (most recent call last):\r" + "".join(error["stackTrace"]).replace(
                "\n", "\r"
            )
    print(line, flush=True)


def load(init: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """The handler, or the error that a first invocation answers with."""
    module_name, _, handler_name = init["handler"].rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
        return getattr(module, handler_name), None
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, failure("Runtime.ImportModuleError", message, "")
    except BaseException as error:
        load_error = error_of(error, "", skip=1)
        if isinstance(error, AttributeError) and not load_error["stackTrace"]:
            message = f"Handler '{handler_name}' missing on module '{module_name}'"
            return None, failure("Runtime.HandlerNotFound", message, "")
        return None, load_error


def invoke(handler: Any, init: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """Runs the handler once."""
    try:
        result = handler(json.loads(message["payload"]), Context(init, message))
    except Exception as error:
        return {"error": error_of(error, message["request_id"], skip=1)}
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"Unable to marshal response: {error}"
        return {"error": failure("Runtime.MarshalError", problem, message["request_id"])}


def main() -> None:
    """Loads the handler, then serves invocations until the engine closes the socket."""
    channel = Channel(int(sys.argv[1]))
    init = channel.open()
    runpy.run_path(init["containment"])["contain"](*init["ports"])
    # The function's own code first: a package of that name in this interpreter is not the function's.
    sys.path[:] = [init["code"], *(path for path in sys.path if path not in init["path"]), *init["path"]]
    formatter = set_up_logging(init)
    handler, load_error = load(init)
    sys.stdout.flush()
    channel.send({"ready": load_error is None})
    while True:
        message = channel.receive()
        formatter.request_id = message["request_id"]
        if load_error is not None:
            response: dict[str, Any] = {"error": {**load_error, "requestId": message["request_id"]}}
        else:
            response = invoke(handler, init, message)
        if "error" in response:
            log_error(response["error"], init["json_logs"])
        formatter.request_id = ""
        sys.stdout.flush()
        sys.stderr.flush()
        channel.send(response)


if __name__ == "__main__":
    main()
