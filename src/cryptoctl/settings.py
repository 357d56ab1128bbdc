"""The schema of cryptoctl.toml: every key with its meaning, its default and its limits.

These are plain dataclasses, so that a command without a file needs no pydantic; `settings_file` validates a
file against them, and pydantic takes a field's metadata for its description.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, Literal

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.security_settings import FunctionSettings, SecuritySettings
from cryptoctl.settings_schema import Between, Checked, Section, Switch, setting
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings

FILE_NAME = "cryptoctl.toml"
DEFAULT_ENVIRONMENT = "dev"
DEFAULT_REGION = "us-east-1"
SENDER = "SENDER"  # in a documented key, the name of a sender


class Target(StrEnum):
    """Where an environment lives."""

    AWS = "aws"
    LOCAL = "local"


Concurrency = Annotated[int, Between(1, 1000)] | Literal["none"]
# The values that CloudWatch Logs takes; without one it keeps logs for ever.
_Days = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
LogDays = Literal[_Days, "never expire"]


def _subscriber(text: str) -> str:
    if re.fullmatch(r"[^@\s:/]+@[^@\s]+|https://[^@\s]+", text):
        return text
    if re.fullmatch(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}", text):
        return text
    # A password in an address would stand in plans, and SNS never shows it again for comparison.
    raise ValueError(
        "must be an email address, an https:// address without a password, or the ARN of a standard SQS queue"
    )


def _account(text: str) -> str:
    if re.fullmatch(r"\d{12}", text, re.ASCII):
        return text
    raise ValueError("must be the 12 digits of an AWS account")


def _policy_arn(text: str) -> str:
    if re.fullmatch(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+", text, re.ASCII):
        return text
    raise ValueError("must be the ARN of a managed policy")


@dataclass(frozen=True, kw_only=True)
class _Function(Section):
    reserved_concurrency: Concurrency

    @property
    def reserved(self) -> int | None:
        """The reserved concurrency; None for none."""
        return None if isinstance(self.reserved_concurrency, str) else self.reserved_concurrency


@dataclass(frozen=True, kw_only=True)
class WebhookProcessorSettings(_Function):
    """[env.NAME.webhook_processor]"""

    reserved_concurrency: Concurrency = setting(
        10, 'reserved concurrency; "none" in accounts with a small quota'
    )
    max_age_days: Annotated[int, Between(1, 36500)] | None = setting(
        None, "how many days back a price's timestamp may lie; unset: 7305"
    )

    @property
    def variables(self) -> dict[str, str]:
        """The settings that the handler reads from its environment."""
        return {} if self.max_age_days is None else {"MAX_AGE_DAYS": str(self.max_age_days)}


@dataclass(frozen=True, kw_only=True)
class PriceEnricherSettings(_Function):
    """[env.NAME.price_enricher]"""

    reserved_concurrency: Concurrency = setting(5, 'reserved concurrency, or "none"')


@dataclass(frozen=True, kw_only=True)
class ErrorNotifierSettings(_Function):
    """[env.NAME.error_notifier]"""

    reserved_concurrency: Concurrency = setting("none", 'reserved concurrency, or "none"')


@dataclass(frozen=True, kw_only=True)
class StreamSettings(Section):
    """[env.NAME.stream]"""

    batch_size: Annotated[int, Between(1, 10_000)] = setting(
        10, "how many prices the enricher is given at once, 1 to 10000"
    )
    window_s: Annotated[int, Between(0, 300)] = setting(5, "how many seconds a batch is waited for, 0 to 300")
    parallelization: Annotated[int, Between(1, 10)] = setting(
        1, "how many batches of one shard are enriched at the same time, 1 to 10"
    )


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings(Section):
    """[env.NAME]: one environment."""

    target: Target | None = setting(None, '"local" or "aws"; unset: where `up` last put it, else AWS')
    profile: str | None = setting(None, "AWS profile")
    region: str | None = setting(None, "AWS region; unset: the AWS configuration's, else us-east-1")
    account_id: Annotated[str, Checked(_account)] | None = setting(
        None, "the only account allowed: credentials of another one are refused"
    )
    protected: Switch = setting(False, "deletion protection for the table; `down` refuses")
    permissions_boundary: Annotated[str, Checked(_policy_arn)] | None = setting(
        None, "ARN of the policy that is the roles' permissions boundary"
    )
    key_deletion_window_days: Annotated[int, Between(7, 30)] = setting(
        10, "days until AWS deletes the key after `down`, 7 to 30"
    )
    dead_letter_retention_s: Annotated[int, Between(60, 1_209_600)] = setting(
        345_600, "seconds that dead letters are kept, 60 to 1209600"
    )
    log_retention_days: LogDays = setting(
        3,
        "days that logs are kept: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, "
        '1827, 2192, 2557, 2922, 3288, 3653 or "never expire"',
    )
    alert_subscribers: tuple[Annotated[str, Checked(_subscriber)], ...] = setting(
        (), "who is told of errors: email addresses, https:// addresses, ARNs of SQS queues"
    )
    webhook_processor: WebhookProcessorSettings = field(default_factory=WebhookProcessorSettings)
    price_enricher: PriceEnricherSettings = field(default_factory=PriceEnricherSettings)
    error_notifier: ErrorNotifierSettings = field(default_factory=ErrorNotifierSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    functions: FunctionSettings = field(default_factory=FunctionSettings)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    dashboard: Switch = setting(True, "a CloudWatch dashboard of the pipeline; 3.00 USD a month, three free")

    @property
    def retention_days(self) -> int | None:
        """How many days logs are kept; None for ever."""
        return None if isinstance(self.log_retention_days, str) else self.log_retention_days


_Delay = Annotated[float, Between(0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class EngineSettings(Section):
    """[engine]: the embedded engine on this machine."""

    port: Annotated[int, Between(1, 65535)] | None = setting(
        None, "where the embedded engine listens on loopback; unset: where it did last time, else 4577"
    )
    async_retry_delays_s: tuple[_Delay, _Delay] = setting(
        (60.0, 120.0),
        "seconds before the second and the third attempt of an asynchronous invocation, as on AWS",
    )
    save_every_s: Annotated[float, Between(0.1, allow_inf_nan=False)] = setting(
        2.0, "seconds between two saves of the engine's state"
    )
    idle_environment_s: Annotated[float, Between(1, allow_inf_nan=False)] = setting(
        300.0, "seconds after which an idle execution environment is ended"
    )


@dataclass(frozen=True, kw_only=True)
class Settings(Section):
    """The whole of cryptoctl.toml."""

    default_env: str | None = setting(None, "the environment when none is named; unset: dev")
    engine: EngineSettings = field(default_factory=EngineSettings)
    env: Mapping[str, EnvironmentSettings] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DocumentedKey:
    """A key of cryptoctl.toml, dotted, with NAME for the environment's name and SENDER for a sender's."""

    name: str
    default: Any
    meaning: str


def documented_keys(section: type[Any] = Settings, prefix: str = "") -> Iterator[DocumentedKey]:
    """Every key of the file in the schema's order."""
    for key in fields(section):
        section_of: Any = key.default_factory
        if key.name == "env":
            yield from documented_keys(EnvironmentSettings, "env.NAME.")
        elif key.name == "senders":
            yield from documented_keys(SenderSettings, f"{prefix}senders.{SENDER}.")
        elif isinstance(section_of, type):
            yield from documented_keys(section_of, f"{prefix}{key.name}.")
        else:
            meaning = key.metadata["description"]
            yield DocumentedKey(name=f"{prefix}{key.name}", default=key.default, meaning=meaning)
