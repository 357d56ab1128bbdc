"""Runs `cryptoctl` commands in forks of one process that has everything imported and every client made.

Started as a script: `python fork_server.py HOME`, with AWS's variables in the environment. It reads orders
from stdin and writes what becomes of them to stdout, a JSON object a line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptoctl.aws import Aws

SERVICES = ["sts", "kms", "dynamodb", "sqs", "sns", "logs", "iam", "lambda", "ssm", "cloudwatch"]
SERVICES += ["dynamodbstreams", "resourcegroupstaggingapi"]
# The handlers are Lambda's; a command imports what it needs when it runs, which is most of the rest.
NOT_IMPORTED = ("cryptoctl.handlers", "cryptoctl.local", "cryptoctl.__main__")


def main(home: str) -> None:
    """Serves until stdin ends."""
    import cryptoctl
    from cryptoctl.__main__ import GC_THRESHOLDS
    from cryptoctl.aws import Aws

    for module in pkgutil.walk_packages(cryptoctl.__path__, "cryptoctl."):
        if not module.name.startswith(NOT_IMPORTED):
            importlib.import_module(module.name)
    from cryptoctl.session import Session

    aws = Aws()
    for service in SERVICES:
        for once in (False, True):
            aws._client(service, once=once)
    _look_around(aws)
    # Each command gets the clients as they are now: made, and not connected.
    Session._real_aws = lambda self: aws  # type: ignore[method-assign]
    gc.set_threshold(*GC_THRESHOLDS)  # as in a command's own process
    gc.collect()
    gc.freeze()  # what is loaded by now stays: a command that looked for garbage in it would copy it
    _report(ready=True)
    for line in sys.stdin:
        _reap()
        order = json.loads(line)
        if os.fork() == 0:
            _wait_on(order, home)


def _look_around(aws: Aws) -> None:
    """Plans an environment that is none: what botocore works out at each first request, no fork has to."""
    from cryptoctl.bundle import build
    from cryptoctl.reconcile.observe import make_plan
    from cryptoctl.reconcile.plan import Goal
    from cryptoctl.reconcile.scope import Scope
    from cryptoctl.settings import EnvironmentSettings
    from cryptoctl.stack import Stack

    scope = Scope(environment="nowhere", account="0" * 12, region=aws.region)
    stack = Stack(scope, EnvironmentSettings(), build())
    make_plan(list(stack), aws.with_shared_lists(), Goal.PRESENT, orphans=stack.orphans)
    for client in aws._clients.values():
        client.close()


def _wait_on(order: dict[str, object], home: str) -> None:
    command = os.fork()
    if command == 0:
        variables, arguments = order["variables"], order["arguments"]
        assert isinstance(variables, dict)
        assert isinstance(arguments, list)
        os.environ.update(variables)
        if "QUICK_RETRIES" in variables:
            _repeat_without_pauses()
        if "EXCHANGES_PORT" in variables:
            _have_exchanges_at(int(variables["EXCHANGES_PORT"]))
        _become(arguments, home)
    _report(token=order["token"], pid=command)
    _, status = os.waitpid(command, 0)
    _report(token=order["token"], code=os.waitstatus_to_exitcode(status))
    os._exit(0)


def _repeat_without_pauses() -> None:
    import botocore.endpoint

    botocore.endpoint.time = SimpleNamespace(sleep=lambda seconds: None)


def _have_exchanges_at(port: int) -> None:
    # In place of this directory, whose `requests` is not the one that ccxt imports.
    sys.path[0] = os.path.dirname(sys.path[0])  # noqa: PTH120
    from feed.ccxt_at import point

    point(port)


def _become(arguments: Sequence[str], home: str) -> None:
    from cryptoctl.cli.app import app
    from cryptoctl.interrupts import exit_on_signal

    for number, name in ((1, "out"), (2, "err")):
        path = os.path.join(home, f"{os.getpid()}.{name}")  # noqa: PTH118
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        with exit_on_signal():
            app(list(arguments))
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _report(**event: object) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main(sys.argv[1])
