"""THE system, one entry for each resource. Read it beside the diagram in docs/architecture.md.

senders ──HTTPS──▶ function URL
        ▼
webhook-processor ──▶ prices table ──stream──▶ price-enricher ──▶ success topic
        │                   ▲─── ma_5 ma_20 volatility ──┘ │
        ▼                                                  ▼
webhook-processor-dlq                              price-enricher-dlq
errors in both log groups ──▶ error-notifier ──▶ alerts topic
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from cryptoctl.error_filter import ERRORS
from cryptoctl.provisioners.customer_key import may_use
from cryptoctl.provisioners.function import Code, Function
from cryptoctl.provisioners.function_url import ANYBODY_BY_URL, FunctionUrl
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.key import Key, lambda_environment_policy
from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.log_subscription import LogSubscription
from cryptoctl.provisioners.parameter import Parameter, may_read
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.queue import Queue, may_send
from cryptoctl.provisioners.resource_permission import ResourcePermission, logs_may_invoke
from cryptoctl.provisioners.role import Role
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.provisioners.table import Table
from cryptoctl.provisioners.topic import Topic, may_publish, subscriber
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Secret, Value, leaves
from cryptoctl.security_settings import Kind
from cryptoctl.settings import Environment

# A literal: the service model lists previews too, so its newest value is not a choice.
RUNTIME = "python3.14"
ARCHITECTURE = "arm64"
APPLICATION = {"Application": "crypto-price-processing"}


class Stack:
    """One environment's resources: each provisioner in an attribute is part of it."""

    def __init__(self, scope: Scope, config: Environment, code: Code) -> None:
        self.scope, self.config, self.code = scope, config, code
        self._data()
        self._rights()
        self._functions()
        self._connections()

    def __iter__(self) -> Iterator[Provisioner]:
        return (each for each in leaves(vars(self)) if isinstance(each, Provisioner))

    @property
    def absent(self) -> tuple[Provisioner, ...]:
        """One of each kind that this configuration has none of: an earlier one may have left some."""
        return () if self.webhook_secrets else (self._address(), self._secret("SENDER", str))

    @property
    def orphans(self) -> Orphans:
        """Finds what is no longer part of it."""
        return Orphans(stack=list(self), absent=self.absent)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions in the order in which a price meets them."""
        return (self.webhook, self.enricher, self.notifier)

    @property
    def outputs(self) -> dict[str, Value]:
        """What other systems need to know of the environment; a Ref where AWS assigns the value."""
        return {
            "webhook_processor_arn": self.webhook.arn,
            "price_enricher_arn": self.enricher.arn,
            "dynamodb_table_name": self.prices.name,
            "sns_topic_arn": self.success.arn,
            "alerts_topic_arn": self.alerts.arn,
            "error_notifier_arn": self.notifier.arn,
            "webhook_dlq_arn": self.webhook_dead_letters.arn,
            "enricher_dlq_arn": self.enricher_dead_letters.arn,
            "webhook_dlq_url": self.webhook_dead_letters.url,
            "enricher_dlq_url": self.enricher_dead_letters.url,
            **({"webhook_url": self.webhook_url.url} if self.webhook_url else {}),
            "environment": self.scope.environment,
            "account": self.scope.account,
            "region": self.scope.region,
        }

    def _data(self) -> None:
        name = self.scope.environment
        self.key = Key(
            scope=self.scope,
            name=f"alias/lambda-env-{name}",
            deletion_window_days=self.config.key_deletion_window_days,
            policy=lambda_environment_policy(self.scope),
        )
        self.prices = Table(
            scope=self.scope,
            name=f"crypto-prices-{name}",
            hash_key=("symbol", "S"),
            range_key=("timestamp", "N"),
            deletion_protection=self.config.protected,
            customer_key=self.config.security.key_for("table"),
        )
        self.webhook_dead_letters = self._dead_letters("webhook-processor")
        self.enricher_dead_letters = self._dead_letters("price-enricher")
        self.success = self._topic("price-updates-success")
        self.alerts = self._topic("price-alerts", *self.config.alert_subscribers)
        self.webhook_logs = self._logs("webhook-processor")
        self.enricher_logs = self._logs("price-enricher")
        self.notifier_logs = self._logs("error-notifier")
        self.webhook_secrets = {
            sender: self._secret(sender, its.first_parameter)
            for sender, its in self.config.webhook.senders.items()
        }

    def _rights(self) -> None:
        secrets = list(self.webhook_secrets.values())
        self.webhook_role = self._role(
            "webhook-processor",
            self.webhook_logs,
            {
                "dynamodb-access": Statement(
                    actions=("dynamodb:PutItem", "dynamodb:Query"), resources=(self.prices.arn,)
                ),
                "sqs-dlq-access": may_send(self.webhook_dead_letters),
                **({"secrets-access": may_read(secrets)} if secrets else {}),
            },
        )
        self.enricher_role = self._role(
            "price-enricher",
            self.enricher_logs,
            {
                "dynamodb-access": Statement(
                    actions=("dynamodb:PartiQLUpdate", "dynamodb:Query"), resources=(self.prices.arn,)
                ),
                "dynamodb-stream-access": Statement(
                    actions=(
                        "dynamodb:DescribeStream",
                        "dynamodb:GetRecords",
                        "dynamodb:GetShardIterator",
                        "dynamodb:ListStreams",
                    ),
                    resources=(self.prices.stream_arn,),
                ),
                "sqs-dlq-access": may_send(self.enricher_dead_letters),
                "sns-access": may_publish(self.success),
            },
        )
        self.notifier_role = self._role(
            "error-notifier", self.notifier_logs, {"sns-access": may_publish(self.alerts)}
        )

    def _functions(self) -> None:
        self.webhook = self._function(
            "webhook-processor",
            memory_mb=1024,
            timeout_s=60,
            role=self.webhook_role,
            other_role=self.notifier_role,
            log_group=self.webhook_logs,
            dead_letters=self.webhook_dead_letters,
            reserved_concurrency=self.config.webhook_processor.reserved,
            environment={
                "DLQ_URL": self.webhook_dead_letters.url,
                **self.config.webhook_processor.variables,
                **self.config.webhook.variables,
            },
            # None takes a statement away that an earlier configuration had.
            resource_policy=ANYBODY_BY_URL if self.webhook_secrets else dict.fromkeys(ANYBODY_BY_URL),
        )
        self.enricher = self._function(
            "price-enricher",
            memory_mb=512,
            timeout_s=30,
            role=self.enricher_role,
            other_role=self.notifier_role,
            log_group=self.enricher_logs,
            dead_letters=self.enricher_dead_letters,
            reserved_concurrency=self.config.price_enricher.reserved,
            environment={
                "SUCCESS_TOPIC_ARN": self.success.arn,
                "DLQ_URL": self.enricher_dead_letters.url,
            },
        )
        self.notifier = self._function(
            "error-notifier",
            memory_mb=256,
            timeout_s=30,
            role=self.notifier_role,
            other_role=self.webhook_role,
            log_group=self.notifier_logs,
            dead_letters=self.alerts,
            reserved_concurrency=self.config.error_notifier.reserved,
            environment={"ALERTS_TOPIC_ARN": self.alerts.arn},
            resource_policy={
                "webhook-errors": logs_may_invoke(self.webhook_logs),
                "enricher-errors": logs_may_invoke(self.enricher_logs),
            },
        )

    def _connections(self) -> None:
        name = self.scope.environment
        self.webhook_url = self._address() if self.webhook_secrets else None
        self.prices_to_enricher = StreamMapping(
            scope=self.scope,
            name=self.enricher.name,
            function=self.enricher,
            table=self.prices,
            dead_letters=self.enricher_dead_letters,
            batch_size=self.config.stream.batch_size,
            window_s=self.config.stream.window_s,
            parallelization=self.config.stream.parallelization,
            retries=2,
            record_age_s=21_600,
            # The enricher's own writes are MODIFY records: without the filter they would start it again.
            pattern={"eventName": ("INSERT",)},
        )
        self.enricher_invocations = InvokeConfig(
            scope=self.scope,
            name=self.enricher.name,
            function=self.enricher,
            event_age_s=3600,
            retries=0,
            on_success=self.success,
        )
        self.webhook_errors = LogSubscription(
            scope=self.scope,
            name=f"webhook-error-filter-{name}",
            group=self.webhook_logs,
            pattern=ERRORS,
            destination=self.notifier,
        )
        self.enricher_errors = LogSubscription(
            scope=self.scope,
            name=f"enricher-error-filter-{name}",
            group=self.enricher_logs,
            pattern=ERRORS,
            destination=self.notifier,
        )

    def _address(self) -> FunctionUrl:
        return FunctionUrl(scope=self.scope, name=self.webhook.name, function=self.webhook)

    def _secret(self, sender: str, make: Callable[[], str]) -> Parameter:
        return Parameter(
            scope=self.scope,
            name=f"/cryptoctl/{self.scope.environment}/webhook/{sender}",
            description=f"Secret of the webhook sender {sender}",
            key=self.key,
            value=Secret(make),
        )

    def _dead_letters(self, function: str) -> Queue:
        return Queue(
            scope=self.scope,
            name=f"{function}-dlq-{self.scope.environment}",
            retention_s=self.config.dead_letter_retention_s,
            customer_key=self.config.security.key_for("queues"),
            refuse_plain_http=self.config.security.refuse_plain_http,
        )

    def _topic(self, name: str, *subscribers: str) -> Topic:
        return Topic(
            scope=self.scope,
            name=f"{name}-{self.scope.environment}",
            subscribers=tuple(map(subscriber, subscribers)),
            customer_key=self.config.security.key_for("topics"),
            refuse_plain_http=self.config.security.refuse_plain_http,
        )

    def _logs(self, function: str) -> LogGroup:
        return LogGroup(
            scope=self.scope,
            name=f"/aws/lambda/{function}-{self.scope.environment}",
            retention_days=self.config.retention_days,
            customer_key=self.config.security.key_for("log_groups"),
        )

    def _role(
        self, function: str, group: LogGroup, permissions: Mapping[str, Statement | tuple[Statement, ...]]
    ) -> Role:
        declared = {name: each if isinstance(each, tuple) else (each,) for name, each in permissions.items()}
        added = {
            # A grant usually makes this unnecessary; with it the function starts without the grant too.
            "kms-access": Statement(actions=("kms:Decrypt", "kms:DescribeKey"), resources=(self.key.arn,)),
            # No role may create a log group: a late line would bring a deleted one back.
            "cloudwatch-logs": Statement(
                actions=("logs:CreateLogStream", "logs:PutLogEvents"), resources=(group.streams_arn,)
            ),
            **dict(self._security_rights(chain.from_iterable(declared.values()))),
        }
        return Role(
            scope=self.scope,
            name=f"{function}-{self.scope.environment}-role",
            service="lambda.amazonaws.com",
            policies={**declared, **{name: (each,) for name, each in added.items()}},
            boundary=self.config.permissions_boundary,
        )

    def _security_rights(self, permissions: Iterable[Statement]) -> Iterator[tuple[str, Statement]]:
        """What a function needs more where its data lies under a customer's key, and where it is traced."""
        used = {action.partition(":")[0] for statement in permissions for action in statement.actions}
        kinds: dict[str, Kind] = {"dynamodb": "table", "sqs": "queues", "sns": "topics"}
        keys = {service: self.config.security.key_for(kind) for service, kind in kinds.items()}
        services = [service for service, key in keys.items() if key and service in used]
        if services and (key := self.config.security.customer_key):
            yield "customer-key-access", may_use(self.scope, key, *services)
        if self.config.functions.tracing:
            # X-Ray knows no resources.
            actions = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
            yield "x-ray-access", Statement(actions=actions, resources=("*",))

    def _function(
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
                "DYNAMODB_TABLE": self.prices.name,
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
