"""Runs several invocations at the same time, one request after the other, in an order that the test decides.

Each task runs in a thread of its own and stops before each request, until it is let on. `every_schedule` goes
through all orders that can make a difference: two requests that do not touch the same thing commute, and of
the orders that differ only by such an exchange one is run (sleep sets, P. Godefroid 1996).
"""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from handlers.fake_aws import Direct, FakeAws

Task = Callable[[], object]
Fails = Callable[
    [int, bool], bool
]  # whether the n-th request (from 0) of a task fails: before or after its work


class Stopped(BaseException):
    """Unwinds a task whose schedule is given up."""


class Crash(BaseException):
    """Ends an invocation between two requests, as an end of its process would."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that a task is about to make, and the items that it touches; no keys: all of the symbol's."""

    operation: str
    reads: bool = False
    writes: frozenset[str] = frozenset()
    announces: frozenset[str] = frozenset()

    def commutes_with(self, other: "Request") -> bool:
        if self.announces & other.announces or self.writes & other.writes:
            return False
        return not ((self.reads and other.writes) or (other.reads and self.writes))


def _request(operation: str, params: Mapping[str, Any]) -> Request:
    if operation == "Query":
        return Request(operation=operation, reads=True)
    if operation == "PutItem":
        return Request(operation=operation, writes=frozenset([params["Item"]["timestamp"]["N"]]))
    if operation == "BatchExecuteStatement":
        keys = (_updated_key(statement["Parameters"]) for statement in params["Statements"])
        return Request(operation=operation, writes=frozenset(keys))
    assert operation == "PublishBatch", operation
    sort_keys = (entry["Message"].split('"sort_key": "')[1] for entry in params["PublishBatchRequestEntries"])
    return Request(operation=operation, announces=frozenset(key.split('"')[0] for key in sort_keys))


def _updated_key(parameters: Sequence[Mapping[str, str]]) -> str:
    symbol = next(place for place, value in enumerate(parameters) if value == {"S": "BTC"})
    return parameters[symbol + 1]["N"]


def _closed_lock() -> threading.Lock:
    """What the next acquire waits at, until somebody releases it."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class _Runner(threading.Thread):
    """A task, and the request that it waits with."""

    def __init__(self, task: Task, paused: threading.Lock) -> None:
        super().__init__(daemon=True)
        self.task = task
        self.paused = paused
        self.go = _closed_lock()
        self.stopping = False
        self.waiting: Request | None = None
        self.error: BaseException | None = None
        self.dies_at: int | None = None
        self.fails: Fails = lambda number, answered: False
        self.requests = 0

    def run(self) -> None:
        try:
            self.task()
        except (Stopped, Crash):
            pass
        except BaseException as error:  # told by the schedule's end
            self.error = error
        self.waiting = None
        self.paused.release()

    def pause(self, request: Request) -> None:
        self.waiting = request
        self.paused.release()
        self.go.acquire()
        if self.stopping:
            raise Stopped
        self.meet(request.operation, answered=False)

    def meet(self, operation: str, *, answered: bool) -> None:
        """Ends the invocation, or fails the request before its work or after it, where that is asked for."""
        number = self.requests
        if answered and self.dies_at == number:
            raise Crash
        fails = self.fails(number, answered)
        self.requests += answered or fails
        if fails:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)

    def step(self) -> None:
        self.go.release()
        self.paused.acquire()


class Stepwise(Direct):
    """A client whose requests wait to be let on. `single` makes each statement and message a request."""

    def __init__(self, aws: FakeAws, *, single: bool = False) -> None:
        super().__init__(aws)
        self.single = single

    def ask(self, operation: str, request: dict[str, Any]) -> Any:
        runner = threading.current_thread()
        if not isinstance(runner, _Runner):
            return super().ask(operation, request)
        if not self.single or operation not in _PARTS:
            runner.pause(_request(operation, request))
            answer = super().ask(operation, request)
            runner.meet(operation, answered=True)
            return answer
        request_member, answer_member = _PARTS[operation]
        answers: list[Any] = []
        for part in request[request_member]:
            runner.pause(_request(operation, {**request, request_member: [part]}))
            answers += super().ask(operation, {**request, request_member: [part]})[answer_member]
            runner.meet(operation, answered=True)
        return {answer_member: answers}


_PARTS = {
    "BatchExecuteStatement": ("Statements", "Responses"),
    "PublishBatch": ("PublishBatchRequestEntries", "Successful"),
}


@dataclass(kw_only=True)
class Run:
    """Some tasks under way: who waits with which request."""

    tasks: Sequence[Task]
    runners: list[_Runner] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        paused = _closed_lock()
        for task in self.tasks:
            runner = _Runner(task, paused)
            self.runners.append(runner)
            runner.start()
            paused.acquire()

    def waiting(self) -> dict[int, Request]:
        return {
            number: runner.waiting for number, runner in enumerate(self.runners) if runner.waiting is not None
        }

    def step(self, number: int) -> None:
        self.steps.append(number)
        self.runners[number].step()

    def end(self) -> None:
        """Unwinds what is still under way. Raises what a task has raised."""
        for runner in self.runners:
            runner.stopping = True
            while runner.waiting is not None:
                runner.step()
            runner.join()
        for runner in self.runners:
            if runner.error is not None:
                raise runner.error


@dataclass(kw_only=True)
class _Node:
    """A point of a schedule: who could go on, who need not, and who did."""

    waiting: dict[int, Request]
    asleep: dict[int, Request]
    chosen: int


def every_schedule(
    start: Callable[[], Sequence[Task]], check: Callable[[Sequence[int]], None], *, commuting: bool = True
) -> int:
    """Runs the tasks that `start` gives in every order that matters, `check` after each; says how many.

    `commuting=False` takes every order for one of its own.
    """
    path: list[_Node] = []
    count = 0
    while True:
        with redirect_stdout(io.StringIO()):
            run = Run(tasks=start())
            complete = _follow(run, path, commuting)
            run.end()
        if complete:
            count += 1
            check(run.steps)
        if not _back_up(path):
            return count


def _follow(run: Run, path: list[_Node], commuting: bool) -> bool:
    """Takes the path's steps and goes on to the end; False where the rest has been seen in another order."""
    for node in path:
        run.step(node.chosen)
    while waiting := run.waiting():
        asleep: dict[int, Request] = {}
        if path and commuting:
            last = path[-1]
            request = last.waiting[last.chosen]
            asleep = {n: sleeping for n, sleeping in last.asleep.items() if sleeping.commutes_with(request)}
        chosen = next((number for number in waiting if number not in asleep), None)
        if chosen is None:
            return False
        path.append(_Node(waiting=waiting, asleep=asleep, chosen=chosen))
        run.step(chosen)
    return True


def _back_up(path: list[_Node]) -> bool:
    """Turns to the next order not seen yet; False where there is none."""
    while path:
        node = path[-1]
        node.asleep[node.chosen] = node.waiting[node.chosen]
        following = next((number for number in node.waiting if number not in node.asleep), None)
        if following is not None:
            node.chosen = following
            return True
        path.pop()
    return False


def one_schedule(start: Callable[[], Sequence[Task]], choose: Callable[[int], int]) -> list[int]:
    """Runs the tasks in the order that `choose` decides: of so many that wait, which goes on."""
    with redirect_stdout(io.StringIO()):
        run = Run(tasks=start())
        while waiting := run.waiting():
            run.step(list(waiting)[choose(len(waiting))])
        run.end()
    return run.steps


def dying(task: Task, request: int) -> Task:
    """The task, whose process ends right after its n-th request (from 0)."""

    def run() -> None:
        runner = threading.current_thread()
        assert isinstance(runner, _Runner)
        runner.dies_at = request
        try:
            task()
        except Crash:
            runner.dies_at = None

    return run


def failing(task: Task, fails: Fails) -> Task:
    """The task, of whose requests some fail."""

    def run() -> None:
        runner = threading.current_thread()
        assert isinstance(runner, _Runner)
        runner.fails = fails
        task()

    return run
