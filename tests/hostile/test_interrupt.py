"""Interrupted once, twice, while it looks or asks: it ends in order, and the next run goes on.

While it waits: messages.txt has it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from hostile.clients import ProcessResult, Running
from hostile.matrix import Baseline, differences, wrong_with
from hostile.names import new_name
from hostile.proxy import Gate, ProxyBehaviour
from hostile.terminal import terminal
from hostile.wire import Request
from hostile.world import World
from kit.waiting import eventually

pytestmark = pytest.mark.engine

INTERRUPTED = 130
# A call of the first ones of each command that is a whole step.
WHOLE = {"up": "CreateTopic", "down": "DeleteSubscriptionFilter"}


def in_the_midst(world: World, name: str, command: str) -> tuple[Running, Gate, ProxyBehaviour]:
    """A command of which every writing call is held."""
    world.prepare(name, "down" if command == "up" else "up")
    gate = Gate(matches=lambda request: request.writes)
    behaviour = world.proxy.behave(gate=gate)
    running = world.clients.start(command, "--env", name, "--yes", "--aws")
    eventually(
        lambda: WHOLE[command] in [request.operation for request in gate.held_requests], "the first calls"
    )
    return running, gate, behaviour


def ended_in_order(result: ProcessResult) -> str:
    assert result.code == INTERRUPTED, result.err
    assert "Traceback" not in result.err + result.out
    return result.err


def converges(world: World, base: Baseline, name: str, command: str) -> None:
    """The same command again ends as if nothing had happened, with nothing doubled."""
    world.proxy.behave()
    (world.up if command == "up" else world.down)(name)
    expected = base.inventory if command == "up" else {}
    assert differences(expected, world.account.inventory(name)) == []
    if command == "up":
        assert world.plan_is_empty(name)
        assert world.account.leaving_keys(name) == 0


def writes(behaviour: ProxyBehaviour) -> int:
    return sum(entry.request.writes for entry in behaviour.recorded)


@pytest.mark.parametrize("command", ["up", "down"])
def test_once_finishes_what_is_under_way_and_begins_nothing_else(
    world: World, base: Baseline, used: str, command: str
) -> None:
    running, gate, behaviour = in_the_midst(world, used, command)
    running.interrupt()
    eventually(lambda: "Stopping: " in running.stderr(), "the answer to Ctrl-C")
    gate.opened.set()
    err = ended_in_order(running.wait())
    assert "error: Interrupted:\n" in err
    assert " done\n" in err
    assert " interrupted (" in err
    assert "not waited for" not in err
    assert "goes on from here." in err
    # Not one call was begun after the answer to Ctrl-C.
    assert writes(behaviour) == len(gate.held_requests)
    converges(world, base, used, command)


@pytest.mark.parametrize(
    ("command", "signals"),
    [
        pytest.param("up", (signal.SIGINT, signal.SIGTERM), id="up, in quick succession"),
        pytest.param("up", (signal.SIGTERM,), id="up, SIGTERM and then Ctrl-C", marks=pytest.mark.torture),
        pytest.param("down", (signal.SIGINT, signal.SIGTERM), id="down, in quick succession"),
    ],
)
def test_twice_does_not_wait_for_answers(
    world: World, base: Baseline, used: str, command: str, signals: tuple[signal.Signals, ...]
) -> None:
    running, gate, behaviour = in_the_midst(world, used, command)
    running.interrupt(*signals)
    if len(signals) == 1:
        eventually(lambda: "Stopping: " in running.stderr(), "the answer to the first signal")
        running.interrupt()
    # It ends while all its calls are still held.
    err = ended_in_order(running.wait())
    assert "not waited for (" in err
    gate.opened.set()
    # The calls reach AWS after all, with nobody there to see their answers.
    eventually(lambda: writes(behaviour) == len(gate.held_requests), "the calls to be answered")
    converges(world, base, used, command)


@pytest.mark.parametrize("command", ["plan", "up", "down"])
def test_while_it_looks_it_ends_at_once_and_has_changed_nothing(world: World, command: str) -> None:
    name = new_name(world)
    # Not what an earlier command's process has left on the wire.
    gate = Gate(matches=lambda request: request.param("FunctionName").endswith(f"-{name}"))
    behaviour = world.proxy.behave(gate=gate)
    options = [] if command == "plan" else ["--yes"]
    running = world.clients.start(command, "--env", name, "--aws", *options)
    assert gate.reached.wait(60)
    running.interrupt(signal.SIGINT, signal.SIGTERM)
    err = ended_in_order(running.wait())
    assert ("Interrupted." if command == "plan" else "error: Interrupted. Nothing was changed.") in err
    gate.opened.set()
    assert writes(behaviour) == 0


def test_after_the_work_it_says_what_was_done(world: World, base: Baseline, used: str) -> None:
    world.prepare(used, "down")
    worked: list[Request] = []

    def looks_again(request: Request) -> bool:
        worked.extend([request] if request.operation == "PutSubscriptionFilter" else [])
        return request.operation == "GetTopicAttributes" and bool(worked)

    gate = Gate(matches=looks_again)
    world.proxy.behave(gate=gate)
    running = world.clients.start("up", "--env", used, "--yes", "--aws")
    assert gate.reached.wait(60)
    running.interrupt()
    err = ended_in_order(running.wait())
    gate.opened.set()
    assert f"error: Interrupted:\n  {err.count('✓')} done\n" in err
    assert " interrupted (" not in err
    assert wrong_with(world, base, used) == []
    assert world.plan_is_empty(used)


def test_at_a_terminal_the_question_and_the_progress_end_in_order(
    world: World, environment: Callable[[], str]
) -> None:
    name = environment()
    gate = Gate(matches=lambda request: request.writes)
    behaviour = world.proxy.behave(gate=gate)
    topics = ("--only", f"price-alerts-{name}", "--only", f"price-updates-success-{name}")
    with terminal(world.clients.variables, "up", "--env", name, "--aws", *topics) as up:
        eventually(lambda: len(gate.held_requests) == 2, "both calls")
        for words in ("Stopping: ", "not waited for ("):
            up.process.send_signal(signal.SIGINT)
            eventually(lambda words=words: words in up.shown(), words)  # type: ignore[misc]
        assert up.process.wait(60) == INTERRUPTED
        up.close()
    gate.opened.set()
    eventually(lambda: writes(behaviour) == 2, "the calls to be answered")
    behaviour = world.proxy.behave()
    with terminal(world.clients.variables, "down", "--env", name, "--aws") as down:
        eventually(lambda: "to delete it:" in down.shown(), "the question")
        down.process.send_signal(signal.SIGINT)
        assert down.process.wait(60) == INTERRUPTED
        assert "\nerror: Interrupted. Nothing was changed." in down.close()
    assert writes(behaviour) == 0
