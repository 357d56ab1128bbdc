"""What the resources of one kind have in common, so that stack.py says only what is each one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cryptoctl.bundle import Code
from cryptoctl.provisioners.customer_key import may_use
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.log_group import LogGroup, may_write
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.resource_permission import ResourcePermission
from cryptoctl.provisioners.role import Role
from cryptoctl.provisioners.subscriber import subscriber
from cryptoctl.provisioners.table import Table
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Value
from cryptoctl.security_settings import Kind
from cryptoctl.settings import EnvironmentSettings

# A literal: the service model lists previews too, so its newest value is not a choice.
RUNTIME = "python3.14"
ARCHITECTURE = "arm64"


@dataclass(frozen=True, kw_only=True)
class StackParts:
    """Builds a resource by its kind, as an environment's configuration says."""

    scope: Scope
    config: EnvironmentSettings
    code: Code
    key: Key
    table: Table

    def queue(self, function: str) -> Queue:
        """A function's dead-letter queue."""
        return Queue(
            scope=self.scope,
            name=f"{function}-dlq-{self.scope.environment}",
            retention_s=self.config.dead_letter_retention_s,
            customer_key=self.config.security.key_for("queues"),
            refuse_plain_http=self.config.security.refuse_plain_http,
        )

    def topic(self, name: str, *subscribers: str, alarms: bool = False) -> Topic:
        """A topic, who is subscribed to it, and whether alarms are told to it."""
        return Topic(
            scope=self.scope,
            name=f"{name}-{self.scope.environment}",
            subscribers=tuple(map(subscriber, subscribers)),
            customer_key=self.config.security.key_for("topics"),
            refuse_plain_http=self.config.security.refuse_plain_http,
            alarms=alarms,
        )

    def log_group(self, function: str) -> LogGroup:
        """A function's log group."""
        return LogGroup(
            scope=self.scope,
            name=f"/aws/lambda/{function}-{self.scope.environment}",
            retention_days=self.config.retention_days,
            customer_key=self.config.security.key_for("log_groups"),
        )

    def role(
        self, function: str, group: LogGroup, permissions: Mapping[str, Statement | tuple[Statement, ...]]
    ) -> Role:
        """A function's role, with what every function needs besides."""
        declared = {
            name: statements if isinstance(statements, tuple) else (statements,)
            for name, statements in permissions.items()
        }
        added = {
            # A grant usually makes this unnecessary; with it the function starts without the grant too.
            "kms-access": Statement(actions=("kms:Decrypt", "kms:DescribeKey"), resources=(self.key.arn,)),
            "cloudwatch-logs": may_write(group),
            **dict(self._security_statements(chain.from_iterable(declared.values()))),
        }
        return Role(
            scope=self.scope,
            name=f"{function}-{self.scope.environment}-role",
            service="lambda.amazonaws.com",
            policies={**declared, **{name: (statement,) for name, statement in added.items()}},
            boundary=self.config.permissions_boundary,
        )

    def _security_statements(self, permissions: Iterable[Statement]) -> Iterator[tuple[str, Statement]]:
        """What a function needs more where its data lies under a customer's key, and where it is traced."""
        used = {action.partition(":")[0] for statement in permissions for action in statement.actions}
        kinds: dict[str, Kind] = {"dynamodb": "table", "sqs": "queues", "sns": "topics"}
        keys = {service: self.config.security.key_for(kind) for service, kind in kinds.items()}
        services = [service for service, key_arn in keys.items() if key_arn and service in used]
        if services and (key := self.config.security.customer_key):
            yield "customer-key-access", may_use(self.scope, key, *services)
        if self.config.functions.tracing:
            # X-Ray knows no resources.
            actions = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
            yield "x-ray-access", Statement(actions=actions, resources=("*",))

    def function(
        self,
        name: str,
        *,
        memory_mb: int,
        timeout_s: int,
        role: Role,
        other_role: Role,
        log_group: LogGroup,
        dead_letters: Queue | Topic,
        reserved_concurrency: int | None,
        environment: Mapping[str, Value],
        resource_policy: Mapping[str, ResourcePermission | None] | None = None,
    ) -> Function:
        """A function, with the settings that all of them share."""
        return Function(
            scope=self.scope,
            name=f"{name}-{self.scope.environment}",
            runtime=RUNTIME,
            handler=f"cryptoctl.handlers.{name.replace('-', '_')}.handler",
            architecture=ARCHITECTURE,
            memory_mb=memory_mb,
            timeout_s=timeout_s,
            code=self.code,
            environment={
                "DYNAMODB_TABLE": self.table.name,
                "ENVIRONMENT": self.scope.environment,
                **environment,
            },
            key=self.key,
            role=role,
            other_role=other_role,
            log_group=log_group,
            dead_letters=dead_letters,
            reserved_concurrency=reserved_concurrency,
            resource_policy=resource_policy or {},
            application_log_level=self.config.functions.application_log_level,
            system_log_level=self.config.functions.system_log_level,
            tracing=self.config.functions.tracing,
        )


def lambda_environment_policy(scope: Scope) -> tuple[Statement, ...]:
    """The account administers the key; Lambda may decrypt with it, for this account only."""
    return (
        Statement(
            sid="AccountAdministers",
            actions=("kms:*",),
            resources=("*",),
            principal={"AWS": scope.arn("iam", "root", regional=False)},
        ),
        Statement(
            sid="LambdaDecrypts",
            actions=("kms:Decrypt", "kms:DescribeKey"),
            resources=("*",),
            principal={"Service": "lambda.amazonaws.com"},
            condition={"StringEquals": {"aws:SourceAccount": scope.account}},
        ),
    )
