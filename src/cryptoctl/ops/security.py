"""What doctor says of an environment's security: whether the customer's key serves, and what is not set."""

from __future__ import annotations

from collections.abc import Iterator

from cryptoctl.aws import Aws
from cryptoctl.ops.doctor import Check, bad, good, unknown
from cryptoctl.provisioners.customer_key import ALARMS_NEED, SETTING, allows, key_policy, unusable
from cryptoctl.provisioners.topic import ALARMS
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack

# The least that scanners ask for.
LOGS_KEPT_DAYS = 365


def examine_security(stack: Stack, aws: Aws) -> Iterator[Check]:
    """The checks; of an environment that is neither `protected` nor has a customer's key, none."""
    key = stack.config.security.customer_key
    if key is not None:
        yield _customer_key(stack, aws, key)
    if stack.config.protected and (missing := _not_set(stack.config)):
        yield unknown(
            "security",
            f"protected, and not set: {', '.join(missing)}",
            "`cryptoctl config` says what each of these is good for.",
        )


def _customer_key(stack: Stack, aws: Aws, key: str) -> Check:
    if why := unusable(aws, stack.scope, key):
        return bad(
            "customer key",
            f"{key} {why}",
            f"Name another key in `{SETTING}`, or have the key's owner put that right.",
        )
    topics = stack.config.security.key_for("topics") is not None
    if topics and not allows(key_policy(aws, key), ALARMS, ALARMS_NEED):
        return unknown(
            "customer key",
            f"the policy of {key} does not let {ALARMS} use it: no alarm can be sent to the topics",
            f"Have the key's owner allow {', '.join(sorted(ALARMS_NEED))} to that service.",
        )
    return good("customer key", f"{key} is enabled, and can be used")


def _not_set(config: EnvironmentSettings) -> list[str]:
    """The settings that cost something, or that were switched off, as they stand in the file."""
    days = config.retention_days
    is_set = {
        SETTING: config.security.customer_key is not None,
        "security.refuse_plain_http": config.security.refuse_plain_http,
        "permissions_boundary": config.permissions_boundary is not None,
        "alarms.enabled": config.alarms.enabled,
        "error_notifier.reserved_concurrency": config.error_notifier.reserved is not None,
        f"log_retention_days of {LOGS_KEPT_DAYS} or more": days is None or days >= LOGS_KEPT_DAYS,
        "functions.tracing": config.functions.tracing,
    }
    return [name for name, fulfilled in is_set.items() if not fulfilled]
