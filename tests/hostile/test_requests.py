"""Law 9: whatever a command sends is valid by the service's own model, and within AWS's limits."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from typer.main import get_command

from cryptoctl.cli.app import app
from hostile.clients import Ended
from hostile.matrix import disturb
from hostile.requests import violations
from hostile.wire import Request
from hostile.world import World

pytestmark = pytest.mark.engine

# They speak to the engine's process or to nobody, and would start an engine of their own.
NOT_TO_AWS = ("local", "init")


def examples() -> dict[str, str]:
    """Each command's own example, as its help shows it."""
    found = {}
    for name, each in get_command(app).commands.items():  # type: ignore[attr-defined]
        for command in getattr(each, "commands", {name: each}).values():
            if name not in NOT_TO_AWS:
                found[f"{name} {command.name}"] = (command.epilog or "").partition("cryptoctl ")[2]
    return found


def test_every_request_of_every_command_is_valid(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    mood = world.proxy.behave()
    world.up(name)
    disturb(world.account, name)
    world.up(name)
    for example in examples().values():
        words = [each for each in shlex.split(example) if each not in ("--local", "--follow", "-f")]
        if words[0] != "down":
            running = world.clients.start(*words, "--env", name, "--aws")
            assert isinstance(running.wait(30.0), Ended)
    world.down(name)
    requests = [entry.request for entry in mood.recorded]
    assert len({str(request) for request in requests}) > 50
    assert violations(requests) == []


@pytest.mark.parametrize(
    ("service", "operation", "params", "problem"),
    [
        ("lambda", "CreateFunction", {"MemorySize": 100}, "MemorySize is 100"),
        ("lambda", "CreateFunction", {"Runtime": "python3.99"}, "is none of"),
        ("lambda", "CreateFunction", {"FunctionName": "a b"}, "does not match"),
        ("lambda", "GetFunction", {}, "FunctionName is missing"),
        ("sqs", "CreateQueue", {"QueueName": "q", "Colour": "red"}, "Colour is unknown"),
        ("logs", "PutRetentionPolicy", {"logGroupName": "g", "retentionInDays": 4}, "retention times"),
        ("iam", "CreateRole", {"RoleName": "r" * 65}, "has a length of 65"),
        ("lambda", "CreateFunction", {"Environment": {"Variables": {"A": "x" * 5000}}}, "more than 4 KB"),
        (
            "iam",
            "PutRolePolicy",
            {"RoleName": "r", "PolicyName": "p", "PolicyDocument": '"' + "x" * 11_000 + '"'},
            "11002 characters",
        ),
    ],
)
def test_what_aws_would_refuse_is_named(
    service: str, operation: str, params: dict[str, object], problem: str
) -> None:
    request = Request(service=service, operation=operation, params=params, access_key="")
    assert any(problem in each for each in violations([request]))
