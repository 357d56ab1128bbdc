"""The run of a whole plan, as its steps see it, and how one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cryptoctl.aws import Aws
from cryptoctl.reconcile.plan import Step
from cryptoctl.reconcile.retry import Clock, Wait
from cryptoctl.reconcile.values import Ref, Value


class PlanRun(Protocol):
    """The run of a whole plan, as one of its steps sees it."""

    aws: Aws
    clock: Clock

    def check_stop(self) -> None:
        """Raises Interrupted where the person has asked to stop."""

    def notify_started(self, step: Step) -> None:
        """The step begins, or goes on after a wait."""

    def notify_waiting(self, step: Step, wait: Wait) -> None:
        """The step waits."""

    def value(self, step: Step, ref: Ref) -> Value:
        """The value of a Ref, waited for. Raises Blocked where nothing gives it any more."""

    def known(self) -> dict[Ref, str]:
        """All values that are known now."""

    def publish(self, values: Mapping[Ref, str]) -> None:
        """Gives values to the steps that wait for them."""


class Blocked(Exception):
    """Another step, which this one needs, did not succeed."""


class StepFailed(Exception):
    """A step that cannot go on: why it failed, and what to do next."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint
