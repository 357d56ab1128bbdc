"""Commands under a policy: run, what each asked for, and how it fails where an action is taken away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from cryptoctl.cli.app import app
from cryptoctl.ops.permissions import ACCESS, Purpose
from hostile.clients import ProcessResult
from hostile.wire import Request
from hostile.world import World
from permissions.authorization import Ask, Policy, granted
from permissions.guard import Guard
from permissions.stage import place_of, policy_of

# What a command asks for, is refused, and goes on without: each with what is seen of it.
GONE_ON_WITHOUT = {
    ("doctor", "iam:SimulatePrincipalPolicy"): "it says that IAM could not be asked",
    ("status", "dynamodb:Query"): "it says that the prices could not be read",
    ("status", "logs:FilterLogEvents"): "it says that the errors could not be read",
    **{
        (name, "sns:GetSubscriptionAttributes"): "it says nothing of filters on subscriptions"
        for name in ("plan", "status", "up", "down", "doctor", "outputs", "envs", "cost", "open")
    },
}
WITHIN_S = 60.0
WITHOUT_A_RIGHT_S = 400  # a refusal by a new key is waited out: its tags may not count yet

Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, what is done beforehand behind its back, its variables besides, and how it ends."""

    words: Words
    before: Callable[[], object] = lambda: None
    variables: Mapping[str, str] = field(default_factory=dict)
    code: int = 0

    @property
    def name(self) -> str:
        """As `cryptoctl --help` has it."""
        return " ".join(self.words[: 2 if self.words[0] in ("dlq", "webhook") else 1])


@dataclass(frozen=True, kw_only=True)
class RequestedActions:
    """What each command of a purpose asked for, in order."""

    policy: Policy
    by_command: list[tuple[Command, list[Ask]]] = field(default_factory=list)
    denied: list[tuple[Command, Ask]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @property
    def lacking(self) -> set[tuple[str, str]]:
        """The commands that were refused something, and the action, but for what they go on without."""
        return {(command.name, ask.action) for command, ask in self.denied} - GONE_ON_WITHOUT.keys()

    @property
    def every(self) -> list[Ask]:
        """All of it."""
        return [ask for _, asks in self.by_command for ask in asks]

    def and_then(self, more: RequestedActions) -> RequestedActions:
        """This, and what was asked under the same policy afterwards."""
        return RequestedActions(
            policy=self.policy,
            by_command=self.by_command + more.by_command,
            denied=self.denied + more.denied,
            requests=self.requests + more.requests,
        )

    def first(self, action: str) -> Command:
        """The first command that was granted it."""
        return next(
            command
            for command, asks in self.by_command
            for ask in asks
            if ask.action == action and granted(self.policy, ask)
        )


class Person:
    """Somebody who has the policy for one purpose in one environment, and nothing else."""

    def __init__(self, world: World, environment: str, purpose: Purpose) -> None:
        self.world, self.environment, self.purpose = world, environment, purpose
        self.policy = policy_of(world, environment, purpose)

    def runs(self, commands: Iterable[Command]) -> RequestedActions:
        """Runs the commands, each of which must end as it should."""
        record = RequestedActions(policy=self.policy)
        for command in commands:
            guard, result = self.tries(command)
            assert result.code == command.code, f"{command.words}: {result.code}\n{result.err}{result.out}"
            record.by_command.append((command, guard.asks))
            record.denied.extend((command, ask) for ask in guard.denied)
            record.requests.extend(guard.requests)
        return record

    def would_run(self, requested: RequestedActions) -> RequestedActions:
        """What another person's commands asked for, by this one's policy: they would ask the same."""
        for command, asks in requested.by_command:
            _record(self, command, asks)
        return RequestedActions(
            policy=self.policy,
            by_command=list(requested.by_command),
            denied=[
                (command, ask)
                for command, asks in requested.by_command
                for ask in asks
                if not granted(self.policy, ask)
            ],
        )

    def tries(self, command: Command, *, without: str = "") -> tuple[Guard, ProcessResult]:
        """Runs a command, perhaps with one action taken away."""
        command.before()
        place = place_of(self.world)
        if command.name in commands_of(Purpose.OPERATE):  # which change nothing that conditions look at
            place = place.keeping_answers()
        guard = Guard(self.policy, place, without=without)
        self.world.proxy.behave(more=(guard,))
        words = [*command.words, "--env", self.environment, "--aws"]
        if command.name in ("up", "down"):
            words.append("--yes")
        try:
            return guard, self.world.clients.start(*words, variables=command.variables).wait(
                WITHOUT_A_RIGHT_S if without else WITHIN_S
            )
        finally:
            self.world.proxy.behave()
            if not without:
                _record(self, command, guard.asks)


def _record(person: Person, command: Command, asked: Iterable[Ask]) -> None:
    """For `make judges`: what was asked under which policy, where a directory for that is named."""
    directory = os.environ.get("JUDGES")
    if directory:
        line = {
            "policy": person.policy,
            "purpose": person.purpose,
            "environment": person.environment,
            "command": command.name,
            "asked": [vars(ask) for ask in asked],
            "goes_on_without": [action for name, action in GONE_ON_WITHOUT if name == command.name],
        }
        with (Path(directory) / "asked.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def fails_for_a_person(result: ProcessResult, action: str) -> list[str]:
    """What is wrong with how a command failed that lacks an action; nothing if it is as it should be."""
    output = result.err + result.out
    problems = []
    if result.code not in (1, 7):
        problems.append(f"it ended with {result.code}")
    if action not in " ".join(output.split()):
        problems.append("it does not name the action")
    if "Traceback" in output:
        problems.append("it shows a traceback")
    return [f"without {action}: {problem}:\n{output}" for problem in problems]


def commands_of(purpose: Purpose) -> set[str]:
    """The commands that somebody with this policy can run, as the commands themselves say."""
    return {name for name, access in _uses() if access in ACCESS[purpose]}


@cache
def _uses() -> tuple[tuple[str, Any], ...]:
    return tuple(_each_use())


def _each_use() -> Iterator[tuple[str, Any]]:
    root: Any = get_command(app)
    commands: Mapping[str, Any] = root.commands
    for name, command in commands.items():
        inner: Mapping[str, Any] = getattr(command, "commands", {})
        for nested in inner.values():
            yield f"{name} {nested.name}", nested.callback.access
        if not inner:
            yield name, command.callback.access


def problems_without_each(person: Person, requested: RequestedActions, actions: Iterable[str]) -> list[str]:
    """Takes each action away, runs the first command that was granted it, and says what is wrong then."""
    problems = []
    for action in actions:
        _, result = person.tries(requested.first(action), without=action)
        problems += fails_for_a_person(result, action)
    return problems
