"""THE system, one entry for each resource. Read it beside the diagram in docs/architecture.md.

senders ──HTTPS──▶ function URL
        ▼
webhook-processor ──▶ prices table ──stream──▶ price-enricher ──▶ success topic
        │                   ▲─── ma_5 ma_20 volatility ──┘ │
        ▼                                                  ▼
webhook-processor-dlq                              price-enricher-dlq
errors in both log groups ──▶ error-notifier ──▶ alerts topic ◀── alarms
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptoctl.bundle import Code
from cryptoctl.core.senders import NOBODY
from cryptoctl.error_filter import ERROR_PATTERN
from cryptoctl.provisioners.alarm import Alarm
from cryptoctl.provisioners.dashboard import Dashboard
from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.function_url import ANYBODY_BY_URL, FunctionUrl
from cryptoctl.provisioners.invoke_config import InvokeConfig
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.log_subscription import LogSubscription
from cryptoctl.provisioners.parameter import Parameter, may_read
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.queue import may_send
from cryptoctl.provisioners.resource_permission import logs_may_invoke
from cryptoctl.provisioners.stream_mapping import StreamMapping
from cryptoctl.provisioners.table import Table
from cryptoctl.provisioners.topic import may_publish
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Secret, Value, leaves
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack_alarms import StackAlarms, any_alarm
from cryptoctl.stack_dashboard import stack_dashboard
from cryptoctl.stack_parts import StackParts, lambda_environment_policy

APPLICATION = {"Application": "crypto-price-processing"}


class Stack:
    """One environment's resources: each provisioner in an attribute is part of it."""

    def __init__(self, scope: Scope, config: EnvironmentSettings, code: Code) -> None:
        self.scope, self.config, self.code = scope, config, code
        self._data()
        self._roles()
        self._functions()
        self._connections()
        self._alarms()
        self.dashboard = self._dashboard() if config.dashboard else None

    def __iter__(self) -> Iterator[Provisioner]:
        return (resource for resource in leaves(vars(self)) if isinstance(resource, Provisioner))

    @property
    def _parts(self) -> StackParts:
        return StackParts(
            scope=self.scope, config=self.config, code=self.code, key=self.key, table=self.prices
        )

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that the configuration has."""
        return tuple(resource for resource in self if isinstance(resource, Alarm))

    @property
    def unconfigured(self) -> tuple[Provisioner, ...]:
        """One of each kind that is not configured now; an earlier configuration may have left some."""
        of_senders = () if self.webhook_secrets else (self._address(), self._secret("SENDER", str))
        alarms = () if self.alarms else (any_alarm(self.alerts),)
        dashboards = () if self.dashboard else (self._dashboard(),)
        return (*of_senders, *alarms, *dashboards)

    @property
    def orphans(self) -> Orphans:
        """Finds what is no longer part of it."""
        return Orphans(stack=list(self), unconfigured=self.unconfigured)

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
            partition_key=("symbol", "S"),
            sort_key=("timestamp", "N"),
            deletion_protection=self.config.protected,
            customer_key=self.config.security.key_for("table"),
        )
        self.webhook_dead_letters = self._parts.queue("webhook-processor")
        self.enricher_dead_letters = self._parts.queue("price-enricher")
        self.success = self._parts.topic("price-updates-success")
        self.alerts = self._parts.topic(
            "price-alerts", *self.config.alert_subscribers, alarms=self.config.alarms.enabled
        )
        self.webhook_logs = self._parts.log_group("webhook-processor")
        self.enricher_logs = self._parts.log_group("price-enricher")
        self.notifier_logs = self._parts.log_group("error-notifier")
        senders = self.config.webhook.senders
        # By name: in another order the file says the same, and the dashboard lists their alarms as here.
        self.webhook_secrets = {
            sender: self._secret(sender, senders[sender].first_parameter) for sender in sorted(senders)
        }

    def _roles(self) -> None:
        secrets = list(self.webhook_secrets.values())
        self.webhook_role = self._parts.role(
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
        self.enricher_role = self._parts.role(
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
        self.notifier_role = self._parts.role(
            "error-notifier", self.notifier_logs, {"sns-access": may_publish(self.alerts)}
        )

    def _functions(self) -> None:
        self.webhook = self._parts.function(
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
        self.enricher = self._parts.function(
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
        self.notifier = self._parts.function(
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
        self.webhook_errors = self._subscription("webhook-error-filter", self.webhook_logs)
        self.enricher_errors = self._subscription("enricher-error-filter", self.enricher_logs)

    def _alarms(self) -> None:
        alarms = StackAlarms(above=self.config.alarms, topic=self.alerts)
        queues = (self.webhook_dead_letters, self.enricher_dead_letters)
        senders = (*self.webhook_secrets, NOBODY.name) if self.webhook_secrets else ()
        self.dead_letter_alarms = {queue.name: alarms.dead_letters(queue) for queue in queues}
        self.lag_alarm = alarms.lag(self.enricher)
        self.error_alarms = {function.name: alarms.errors(function) for function in self.functions}
        self.throttle_alarms = {function.name: alarms.throttles(function) for function in self.functions}
        self.unauthorized_alarms = {name: alarms.unauthorized(self.webhook, name) for name in senders}

    def _dashboard(self) -> Dashboard:
        return stack_dashboard(
            self.scope,
            webhook=self.webhook,
            enricher=self.enricher,
            functions=self.functions,
            queues=(self.webhook_dead_letters, self.enricher_dead_letters),
            alarms=self.alarms,
        )

    def _address(self) -> FunctionUrl:
        return FunctionUrl(scope=self.scope, name=self.webhook.name, function=self.webhook)

    def _subscription(self, name: str, group: LogGroup) -> LogSubscription:
        return LogSubscription(
            scope=self.scope,
            name=f"{name}-{self.scope.environment}",
            group=group,
            pattern=ERROR_PATTERN,
            destination=self.notifier,
        )

    def _secret(self, sender: str, make: Callable[[], str]) -> Parameter:
        return Parameter(
            scope=self.scope,
            name=f"/cryptoctl/{self.scope.environment}/webhook/{sender}",
            description=f"Secret of the webhook sender {sender}",
            key=self.key,
            value=Secret(make),
        )
