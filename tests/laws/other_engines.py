"""Engines that others wrote, and what is known to be missing in them: each gap with its reason.

Every gap is expected to be there: one that closes fails the laws, so that its line goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from cryptoctl.aws import AccessKey, Response
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Target
from live import LAG_ALARM, Live, RecordingAws
from local.conformance.plain import plain_ministack

ENVIRONMENT = "laws"
MADE_UP = AccessKey(access_key="test", secret_key="test")


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What an engine lacks. Kinds and fields are those of the provisioners."""

    forgets: dict[tuple[str, str], str] = field(default_factory=dict)
    """Fields that it takes and does not show again."""
    refuses: dict[tuple[str, str], str] = field(default_factory=dict)
    """Operations that it does not have."""
    undisturbed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Fields that nobody can change behind our back: it lacks the operation, or ignores the value."""
    unrepaired: dict[tuple[str, str], str] = field(default_factory=dict)
    """Fields that it does not let anybody change back."""


_NO_ASSOCIATION = "AssociateKmsKey is not implemented"
_LOGGING = "CreateFunction and UpdateFunctionConfiguration ignore LoggingConfig"
GAPS = {
    "moto": Gaps(
        forgets={
            ("function", "DeadLetterTargetArn"): "Lambda's DeadLetterConfig is ignored",
            ("function", "LogFormat"): _LOGGING,
            ("function", "LogGroup"): _LOGGING,
        },
        refuses={("lambda", "GetAccountSettings"): "not implemented"},
        undisturbed={
            ("log group", "kmsKeyId"): _NO_ASSOCIATION,
            ("key", "RotationPeriodInDays"): "GetKeyRotationStatus does not show it",
            ("table", "KMSMasterKeyArn"): "UpdateTable ignores SSESpecification",
            ("function", "KMSKeyArn"): "UpdateFunctionConfiguration ignores an empty KMSKeyArn",
            ("function", "LogLevels"): _LOGGING,
            ("invoke config", "OnFailure"): "of two configurations that were put the first is shown",
        },
        unrepaired={
            ("table", "StreamViewType"): "a stream that was switched off cannot be switched on again"
        },
    ),
    "ministack": Gaps(
        undisturbed={
            ("log group", "kmsKeyId"): _NO_ASSOCIATION,
            ("stream mapping", "TumblingWindowInSeconds"): "UpdateEventSourceMapping ignores it",
        }
    ),
}
# What is answered in place of an operation that an engine does not have.
_INSTEAD: dict[tuple[str, str], Response] = {
    ("lambda", "GetAccountSettings"): {
        "AccountLimit": {"UnreservedConcurrentExecutions": 1000, "ConcurrentExecutions": 1000}
    },
}


class PatchedAws(RecordingAws):
    """Answers itself what the engine does not have."""

    def __init__(self, *, endpoint_url: str | None, gaps: Gaps) -> None:
        super().__init__(endpoint_url=endpoint_url, credentials=MADE_UP)
        self._gaps = gaps

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        """The engine's answer, or the one in its place."""
        if (service, operation) in self._gaps.refuses:
            return _INSTEAD[service, operation]
        return self.plainly(service, operation, once=once, **params)

    def plainly(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        return super().call(service, operation, once=once, **params)


@contextmanager
def other_engine(name: str, home: Path) -> Iterator[tuple[Live, PatchedAws]]:
    """An environment on the engine, with nothing in it; and the engine. moto runs in this process."""
    with _moto() if name == "moto" else plain_ministack(home) as url:
        session = Session(SessionOptions(environment=ENVIRONMENT, target=Target.AWS))
        session.aws = aws = PatchedAws(endpoint_url=url, gaps=GAPS[name])
        session.config = EnvironmentSettings(alarms=LAG_ALARM)
        # The first request to Lambda makes moto compile its routes, and a plan's first ones are side by side.
        # In Python 3.11, ast.parse in two threads at once can end in "recursion depth mismatch".
        aws.plainly("lambda", "ListFunctions")
        yield Live(session, aws), aws


@contextmanager
def _moto() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield None
