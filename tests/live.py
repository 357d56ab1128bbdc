"""A session on the embedded engine whose writing calls are recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.aws import AccessKey, Aws, Response
from cryptoctl.local.engine import Engine
from cryptoctl.reconcile.execute import Executor, Report, StepResult
from cryptoctl.reconcile.graph import with_dependencies
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal, Plan, Step
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import Wait
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Target
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings
from kit.waiting import eventually

# One alarm stands for all of them, where nothing is said of alarms.
LAG_ALARM = AlarmSettings(dead_letters="off", errors="off", throttles="off", unauthorized="off")
# With every kind of resource that only some configurations have.
WITH_A_SENDER = EnvironmentSettings(
    webhook=WebhookSettings(senders={"desk": SenderSettings(preset="standard-webhooks")}), alarms=LAG_ALARM
)
READING = ("Get", "List", "Describe", "Query", "Scan", "Filter", "BatchGet")


class RecordingAws(Aws):
    """Sends every request as it is, and keeps a record of the writing ones."""

    def __init__(self, *, endpoint_url: str | None, credentials: AccessKey) -> None:
        super().__init__(region="us-east-1", endpoint_url=endpoint_url, credentials=credentials)
        self.writes: list[tuple[str, str, dict[str, object]]] = []

    def call(self, service: str, operation: str, *, once: bool = False, **params: object) -> Response:
        """Records, then sends."""
        if not operation.startswith(READING):
            self.writes.append((service, operation, params))
        return super().call(service, operation, once=once, **params)


class Connect(Protocol):
    """Makes a live session for an environment."""

    def __call__(self, environment: str, config: EnvironmentSettings | None = None) -> Live:
        """By name, with the defaults unless told otherwise; nothing is made on the engine yet."""


class Silent:
    """A listener that only remembers what was waited for."""

    def __init__(self) -> None:
        self.waits: list[tuple[str, str]] = []

    def started(self, step: Step) -> None:
        """Nothing to show."""

    def waiting(self, step: Step, wait: Wait) -> None:
        """Remembers the reason."""
        self.waits.append((str(step.resource), wait.reason))

    def ended(self, result: StepResult) -> None:
        """Nothing to show."""

    def stopping(self) -> None:
        """Nothing to show."""


class Live:
    """A session on the engine whose writing calls are recorded."""

    def __init__(self, session: Session, aws: RecordingAws) -> None:
        self.session, self.aws, self.stack = session, aws, session.stack

    @property
    def resources(self) -> list[Provisioner]:
        return list(self.stack)

    def plan(self, goal: Goal = Goal.PRESENT, resources: list[Provisioner] | None = None) -> Plan:
        """The plan for all resources and what is left over beside them, or for those resources only."""
        orphans = None if resources else self.stack.orphans
        return make_plan(resources or self.resources, self.aws, goal, orphans=orphans)

    def run(self, plan: Plan) -> Report:
        return Executor(aws=self.aws, listener=Silent()).run(plan)

    def up(self, resources: list[Provisioner] | None = None) -> Report:
        return self.run(self.plan(resources=resources))

    def down(self) -> Report:
        return self.run(self.plan(Goal.ABSENT))

    def change_function(self, name: str, **params: Any) -> None:
        """As somebody might in the console; returns once the function has it."""
        self.aws.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **params)

        def updated() -> bool:
            configuration = self.aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
            return bool(configuration["LastUpdateStatus"] == "Successful")

        eventually(updated, "the update")


class LivePart(Live):
    """The same for a part of the stack, and what that needs: to the rest nothing happens."""

    def __init__(self, live: Live, part: Callable[[Stack], Sequence[Provisioner]]) -> None:
        super().__init__(live.session, live.aws)
        self.stack, self._part = live.stack, part

    @property
    def resources(self) -> list[Provisioner]:
        return list(with_dependencies(self._part(self.stack)))


def connected(engine: Engine, environment: str, config: EnvironmentSettings | None = None) -> Live:
    """A live session for an environment on an engine that runs, by name; nothing is made yet."""
    url = engine.status().url
    assert url is not None
    pair = engine.credentials(environment)
    credentials = AccessKey(access_key=pair.access_key, secret_key=pair.secret_key)
    aws = RecordingAws(endpoint_url=url, credentials=credentials)
    session = Session(SessionOptions(environment=environment, target=Target.LOCAL))
    session.aws = aws
    session.config = config or EnvironmentSettings()
    return Live(session, aws)
