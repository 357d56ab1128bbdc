"""The self-test's own environment: the whole stack, and beside it what is made to fail."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from cryptoctl.aws import Aws
from cryptoctl.bundle import Code, zipped
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.log_group import may_write
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.queue import may_send
from cryptoctl.provisioners.role import Role
from cryptoctl.reconcile.planner import is_owned
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import (
    EnvironmentSettings,
    ErrorNotifierSettings,
    PriceEnricherSettings,
    StreamSettings,
    WebhookProcessorSettings,
)
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings

PROBE = "probe"
PROBE_MEMORY_MB = 256
PROBE_TIMEOUT_S = 10
SENDER, TOKEN_HEADER = "selftest", "x-selftest"
"""Who may send to the public address, and the header in which it proves it."""
POISON = "POISON"
"""The symbol whose prices make the probe fail."""
# So long another run may still be at work on its environment.
MAX_RUN = timedelta(hours=1)
_NAME = re.compile(r"(?<![A-Za-z0-9])selftest-(\d{8}t\d{4})-[0-9a-f]{4}(?![A-Za-z0-9])")
_TIME_FORMAT = "%Y%m%dt%H%M"


def new_name(now: datetime) -> str:
    """A name for an environment of the self-test that says when it was begun."""
    return f"selftest-{now.astimezone(UTC).strftime(_TIME_FORMAT)}-{secrets.token_hex(2)}"


def start_time(name: str) -> datetime | None:
    """When the self-test began that has, or had, an environment of this name; None for any other name."""
    match = _NAME.fullmatch(name)
    try:
        return datetime.strptime(match[1], _TIME_FORMAT).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def may_be_running(name: str, now: datetime) -> bool:
    """Whether the self-test that made an environment may still be at work on it."""
    began = start_time(name)
    return began is not None and now - began < MAX_RUN


def names_in(texts: Iterator[str]) -> set[str]:
    """The self-test's environments that names and ARNs of resources speak of."""
    names = {match[0] for text in texts for match in _NAME.finditer(text)}
    return {name for name in names if start_time(name) is not None}


def earlier_environments(aws: Aws) -> list[str]:
    """The environments that earlier runs have left in this account and region, in order of their beginning.

    Found by the names of what they are made of: the tag index lags by minutes.
    """
    listings: tuple[tuple[str, str, str, str], ...] = (
        ("lambda", "ListFunctions", "Functions", "FunctionName"),
        ("dynamodb", "ListTables", "TableNames", ""),
        ("iam", "ListRoles", "Roles", "RoleName"),
        ("kms", "ListAliases", "Aliases", "AliasName"),
        ("ssm", "DescribeParameters", "Parameters", "Name"),
        ("logs", "DescribeLogGroups", "logGroups", "logGroupName"),
        ("sns", "ListTopics", "Topics", "TopicArn"),
        ("sqs", "ListQueues", "QueueUrls", ""),
    )

    def list_names(service: str, operation: str, key: str, name: str) -> list[str]:
        return [resource[name] if name else resource for resource in aws.paginate(service, operation, key)]

    listed_names = aws.map(lambda listing: list_names(*listing), listings)
    return sorted(names_in(text for texts in listed_names for text in texts))


def unprotect(stack: SelftestStack, aws: Aws) -> None:
    """Takes the table's deletion protection off, which a run that was killed may have left on."""
    observed = stack.prices.observe_or_fail(aws)
    if (
        observed
        and not observed.deleting
        and is_owned(stack.prices, observed)
        and observed.fields["DeletionProtectionEnabled"]
    ):
        name = stack.prices.name
        aws.call("dynamodb", "UpdateTable", TableName=name, DeletionProtectionEnabled=False)


def settings(user_settings: EnvironmentSettings) -> EnvironmentSettings:
    """The settings of the self-test's environment: it costs little, and waits for nothing.

    It reserves no concurrency, so that it fits into an account with a small quota.
    """
    return EnvironmentSettings(
        profile=user_settings.profile,
        region=user_settings.region,
        account_id=user_settings.account_id,
        permissions_boundary=user_settings.permissions_boundary,
        key_deletion_window_days=7,
        log_retention_days=1,
        webhook_processor=WebhookProcessorSettings(reserved_concurrency="none"),
        price_enricher=PriceEnricherSettings(reserved_concurrency="none"),
        error_notifier=ErrorNotifierSettings(reserved_concurrency="none"),
        stream=StreamSettings(window_s=0),
        webhook=WebhookSettings(senders={SENDER: SenderSettings(scheme="token", token_header=TOKEN_HEADER)}),
    )


def probe_code() -> Code:
    """The probe's code as Lambda takes it."""
    source = files("cryptoctl.ops.selftest").joinpath("probe.py").read_bytes()
    return zipped({f"{PROBE}.py": source.replace(b"\r\n", b"\n")})


class SelftestStack(Stack):
    """The stack, and a function with all that belongs to it, which fails as it is told."""

    def __init__(self, scope: Scope, config: EnvironmentSettings, code: Code) -> None:
        super().__init__(scope, config, code)
        name = scope.environment
        self.probe_dead_letters = self._parts.queue(PROBE)
        self.probe_logs = self._parts.log_group(PROBE)
        self.probe_role = self._probe_role()
        # The probe has the enricher's settings but for these.
        self.probe = replace(
            self.enricher,
            name=f"{PROBE}-{name}",
            handler=f"{PROBE}.handler",
            memory_mb=PROBE_MEMORY_MB,
            timeout_s=PROBE_TIMEOUT_S,
            code=probe_code(),
            role=self.probe_role,
            log_group=self.probe_logs,
            dead_letters=self.probe_dead_letters,
        )
        self.probe_mapping = replace(
            self.prices_to_enricher,
            name=self.probe.name,
            function=self.probe,
            dead_letters=self.probe_dead_letters,
            retries=0,
            pattern={"eventName": ("INSERT",), "dynamodb": {"Keys": {"symbol": {"S": (POISON,)}}}},
        )
        self.probe_invocations = InvokeConfig(
            scope=scope,
            name=self.probe.name,
            function=self.probe,
            event_age_s=3600,
            retries=0,
            on_success=self.success,
        )
        self.bare_role = self._role_without_permissions("bare", "lambda.amazonaws.com")
        self.stranger_role = self._role_without_permissions("stranger", "ec2.amazonaws.com")

    def _probe_role(self) -> Role:
        """The enricher's rights, without the key; and to look at the probe, but not at its tags."""
        name = f"{PROBE}-{self.scope.environment}"
        look = Statement(
            actions=("lambda:GetFunction",), resources=(self.scope.arn("lambda", f"function:{name}"),)
        )
        policies = {
            **self.enricher_role.policies,
            "sqs-dlq-access": (may_send(self.probe_dead_letters),),
            "cloudwatch-logs": (may_write(self.probe_logs),),
            "look": (look,),
        }
        del policies["kms-access"]
        return replace(self.enricher_role, name=f"{name}-role", policies=policies)

    def _role_without_permissions(self, name: str, service: str) -> Role:
        return Role(
            scope=self.scope,
            name=f"{name}-{self.scope.environment}-role",
            service=service,
            policies={},
            boundary=self.config.permissions_boundary,
        )
